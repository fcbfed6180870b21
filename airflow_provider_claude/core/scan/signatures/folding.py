r"""Texts as a rule can match them, byte by byte and without regard to case.

quoted mail   the marks at the beginning of lines, `> ` and `| `, are taken off, so that `\s+` goes over a line's end
letters       in lower case, Latin ones without accents, wide and ornamental ones as plain ones (NFKC)
punctuation   typographic quotation marks and dashes become `"`, `'` and `-`
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.scan.normalise import rows_where

_QUOTED = r"(^|\n)[ \t]*[>|]"
_QUOTE_MARKS = r"(^|\n)[ \t]*(?:[>|][ \t]?)+"

#: In this order, on decomposed text in lower case: what is replaced (RE2), and by what.
_FOLDS: Sequence[tuple[str, str]] = (
    (r"([a-z])[\x{300}-\x{36F}]+", r"\1"),
    (r"[“”„‟«»″〝〞]", '"'),
    (r"[‘’‚‛‹›′]", "'"),
    (r"[‐‑‒–—―−]", "-"),
    ("ı", "i"),
    ("ł", "l"),
    ("đ", "d"),
    ("ø", "o"),
    ("ß", "ss"),
)


def folded(texts: pa.Array) -> tuple[list[int], pa.Array]:
    """The rows (ascending) of the strings *texts* that read otherwise when folded, and how they read then."""
    foreign = pc.invert(pc.string_is_ascii(texts))
    rows = rows_where(pc.or_(foreign, pc.match_substring_regex(texts, _QUOTED)))
    some = _without_quote_marks(texts.take(pa.array(rows, pa.int64())))
    some_foreign = foreign.take(pa.array(rows, pa.int64()))
    return rows, pc.replace_with_mask(some, some_foreign, _plain(some.filter(some_foreign)))


def _without_quote_marks(texts: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(texts, _QUOTE_MARKS, r"\1")


def _plain(texts: pa.Array) -> pa.Array:
    texts = pc.utf8_lower(pc.utf8_normalize(texts, form="NFKD"))
    for pattern, plain in _FOLDS:
        texts = pc.replace_substring_regex(texts, pattern, plain)
    return pc.utf8_normalize(texts, form="NFC")
