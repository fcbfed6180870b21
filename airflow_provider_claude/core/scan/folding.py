"""Texts as rules and the classifier can match them: what does not change a word is taken off.

letters       in lower case, Latin ones without accents, wide and ornamental ones as plain ones (NFKC)
punctuation   typographic quotation marks and dashes become `"`, `'` and `-`; dots and blanks that stand for spaces, spaces

Texts in ASCII stay as they are, case included: the rules and the classifier ignore case.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import array
from airflow_provider_claude.core.scan.normalise import is_foreign

#: In this order, on decomposed text in lower case: what is replaced (RE2), and by what.
_FOLDS: Sequence[tuple[str, str]] = (
    (r"([a-z])[\x{300}-\x{36F}]+", r"\1"),
    (r"\p{Cf}+", ""),
    (r"[\x{1680}\x{2800}·•]", " "),
    (r"[“”„‟«»″〝〞]", '"'),
    (r"[‘’‚‛‹›′`´]", "'"),
    (r"[‐‑‒–—―−]", "-"),
    ("ı", "i"),
    ("ł", "l"),
    ("đ", "d"),
    ("ø", "o"),
    ("ß", "ss"),
)


def fold(texts: pa.Array) -> pa.Array:
    """The strings *texts*, those that are not ASCII folded; nulls stay null. What is no UTF-8 becomes signs of replacement."""
    foreign = is_foreign(texts)
    if not pc.any(foreign).as_py():
        return texts
    return pc.replace_with_mask(texts, foreign, _folded(_decoded(texts.filter(foreign))))


def _folded(texts: pa.Array) -> pa.Array:
    texts = pc.utf8_lower(pc.utf8_normalize(texts, form="NFKD"))
    for pattern, plain in _FOLDS:
        texts = pc.replace_substring_regex(texts, pattern, plain)
    return pc.utf8_normalize(texts, form="NFC")


def _decoded(texts: pa.Array) -> pa.Array:
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        values = pc.cast(texts, pa.large_binary()).to_pylist()
        return array([value.decode("utf-8", "replace") for value in values], texts.type)
    return texts
