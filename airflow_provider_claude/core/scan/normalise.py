r"""Texts as the model is to read them: without what a person cannot see. Pure and columnar.

text        canonical composition (NFC); `\r\n` and `\r` become `\n` without a word
removed     each kind below, and each is a flag of the row it was found in; of a run of combining marks longer than
            any script's, what is beyond the bound (`stacked_marks`)
left alone  joiners (ZWJ, ZWNJ), single variation selectors (VS1 to VS16), direction marks, honest emoji flags
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

#: Combining marks in a row that are kept. No script needs more than a handful. (UAX 15 allows 30 in a stream.)
MAX_MARKS = 30

#: A run of marks that may be too long, in RE2, which is linear; what it finds is looked at more closely.
_MARKS = rf"\p{{M}}{{{MAX_MARKS + 1}}}"

_FLAG = r"\x{1F3F4}[\x{E0030}-\x{E0039}\x{E0061}-\x{E007A}]{3,6}\x{E007F}"

_SELECTOR = r"[\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}]"

#: What is removed: by flag, the RE2 pattern and what stays of it. In this order: joining what stood around one kind
#: never makes a new one of an earlier kind.
REMOVED: Mapping[str, tuple[str, str]] = {
    "tag_characters": (rf"({_FLAG})|[\x{{E0000}}-\x{{E007F}}]+", r"\1"),
    "bidi_controls": (r"[\x{202A}-\x{202E}\x{2066}-\x{2069}]+", ""),
    "hidden_characters": (r"[\x{200B}\x{2060}-\x{2064}\x{206A}-\x{206F}\x{FEFF}\x{180E}\x{FFF9}-\x{FFFB}]+", ""),
    "soft_hyphens": (r"\x{AD}+", ""),
    "control_characters": (r"[\x00-\x08\x0B-\x1F\x7F\x{80}-\x{9F}]+", ""),
    "smuggled_selectors": (rf"{_SELECTOR}{{4,}}", ""),
    "variation_selectors": (rf"[\x{{FE00}}-\x{{FE0F}}]*[\x{{E0100}}-\x{{E01EF}}]{_SELECTOR}*|{_SELECTOR}{{2,}}", ""),
}

_ANY = (
    r"[\x00-\x08\x0B-\x1F\x7F-\x{9F}\x{AD}\x{180E}\x{200B}\x{202A}-\x{202E}\x{2060}-\x{2064}\x{2066}-\x{206F}"
    r"\x{FEFF}\x{FFF9}-\x{FFFB}\x{E0000}-\x{E007F}\x{E0100}-\x{E01EF}]|[\x{FE00}-\x{FE0F}]{2}"
)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A column of *texts*, and by flag the rows (ascending) that were changed so."""

    texts: pa.Array
    changes: Mapping[str, list[int]]


def normalise(texts: pa.Array) -> Cleaned:
    """The strings *texts*, cleaned; nulls stay null. Cleaning twice changes nothing more."""
    texts = _without_carriage_returns(texts)
    changes: dict[str, list[int]] = {}
    rows = rows_where(pc.match_substring_regex(texts, _ANY))
    if rows:
        some = texts.take(pa.array(rows))
        for flag, (pattern, kept) in REMOVED.items():
            after = pc.replace_substring_regex(some, pattern, kept)
            if changed := rows_where(pc.not_equal(some, after)):
                changes[flag] = [rows[n] for n in changed]
            some = after
        texts = _put(texts, rows, some)
    return _composed(texts, changes)


def rows_where(mask: pa.BooleanArray) -> list[int]:
    """The rows for which *mask* is true, ascending."""
    return cast("list[int]", pc.indices_nonzero(mask).to_pylist())


def _without_carriage_returns(texts: pa.Array) -> pa.Array:
    rows = rows_where(pc.match_substring(texts, "\r"))
    return _put(texts, rows, pc.replace_substring_regex(texts.take(pa.array(rows)), "\r\n?", "\n")) if rows else texts


def _composed(texts: pa.Array, changes: dict[str, list[int]]) -> Cleaned:
    """*texts* in NFC. ASCII is, and most of the rest too; only what is not is touched, and flagged `not_composed`."""
    foreign = rows_where(pc.invert(pc.string_is_ascii(texts)))
    changed: dict[int, str] = {}
    stacked: list[int] = []
    decomposed: list[int] = []
    some = texts.take(pa.array(foreign, pa.int64()))
    marked = pc.match_substring_regex(some, _MARKS).to_pylist()
    for row, text, suspect in zip(foreign, some.to_pylist(), marked, strict=True):
        kept = _unstacked(text) if suspect else text
        composed = kept if unicodedata.is_normalized("NFC", kept) else unicodedata.normalize("NFC", kept)
        final = _unstacked(composed) if suspect else composed
        if kept is not text or final is not composed:
            stacked.append(row)
        if final != text:
            changed[row] = final
            if composed != kept:
                decomposed.append(row)
    if not changed:
        return Cleaned(texts, changes)
    told = {"stacked_marks": stacked, "not_composed": decomposed}
    changes = changes | {flag: found for flag, found in told.items() if found}
    rows = list(changed)
    return Cleaned(_put(texts, rows, pa.array(changed.values(), texts.type)), changes)


def _unstacked(text: str) -> str:
    """*text* with each run of combining marks cut to MAX_MARKS: putting them in order takes time with the square of
    their number. The very same object where there is no such run.
    """
    pattern = _stacks()
    return pattern.sub(r"\1", text) if pattern.search(text) else text


@cache
def _stacks() -> re.Pattern[str]:
    """Too long a run of marks: of what is one, or decomposes into some alone."""
    letters = map(chr, range(0x300, 0x20000))
    marks = "".join(one for one in letters if unicodedata.combining(unicodedata.normalize("NFD", one)[0]))
    return re.compile(f"([{re.escape(marks)}]{{{MAX_MARKS}}})[{re.escape(marks)}]+")


def _put(texts: pa.Array, rows: list[int], some: pa.Array) -> pa.Array:
    """*texts* with its *rows* (ascending) replaced by *some*."""
    mask = np.zeros(len(texts), bool)
    mask[rows] = True
    return pc.replace_with_mask(texts, pa.array(mask), some)
