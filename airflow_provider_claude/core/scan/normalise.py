r"""Texts as the model is to read them: without what a person cannot see. Pure and columnar.

text        canonical composition (NFC); `\r\n`, `\r` and whatever else ends a line or a page becomes `\n` without a word
removed     each kind below, and each is a flag of the row it was found in; joiners (ZWJ, ZWNJ) that have nothing to
            join, since Latin letters, ASCII or nothing stand on both sides; of a run of combining marks longer than
            any script's, what is beyond the bound (`stacked_marks`)
left alone  joiners in scripts and emoji that need them, single variation selectors (VS1 to VS16), direction marks,
            honest emoji flags, fillers that stand in for a part of a Korean syllable
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import array, scalar

#: Combining marks in a row that are kept. No script needs more than a handful. (UAX 15 allows 30 in a stream.)
MAX_MARKS = 30

#: The same for the marks of Latin, Greek and Cyrillic letters; what is written on purpose needs three.
MAX_DIACRITICS = 4

_DIACRITICS = ((0x300, 0x36F), (0x483, 0x489), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF))

#: A run of marks that may be too long, or be so when composed, in RE2, which is linear; what it finds is looked at more
#: closely.
_MARKS = rf"\p{{M}}{{{MAX_DIACRITICS - 1}}}"

_FLAG = r"\x{1F3F4}[\x{E0030}-\x{E0039}\x{E0061}-\x{E007A}]{3,6}\x{E007F}"
_SYLLABLE = r"[\x{1100}-\x{115E}]\x{1160}|\x{115F}[\x{1161}-\x{11A7}]"
_SELECTOR = r"[\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}]"

_BIDI = r"\x{202A}-\x{202E}\x{2066}-\x{2069}"
_HIDDEN = (
    r"\x{200B}\x{2060}-\x{2065}\x{206A}-\x{206F}\x{FEFF}\x{180B}-\x{180F}\x{FFF0}-\x{FFFB}\x{34F}\x{115F}\x{1160}"
    r"\x{3164}\x{FFA0}\x{17B4}\x{17B5}\x{1BCA0}-\x{1BCA3}\x{1D173}-\x{1D17A}\x{E0080}-\x{E00FF}\x{E01F0}-\x{E0FFF}"
)
_CONTROLS = r"\x00-\x08\x0B-\x1F\x7F-\x{9F}"
_JOINERS = r"\x{200C}\x{200D}"

#: Invisible characters that write bits: each against all others.
_BITS = [f"{n:X}" for n in (0x200B, 0x200C, 0x200D, 0x2060, 0x2061, 0x2062, 0x2063, 0x2064, 0x202A, 0x202C, 0xFEFF)]
_BIT = "[" + "".join(rf"\x{{{bit}}}" for bit in _BITS) + "]"
_TURN = "|".join(rf"\x{{{bit}}}" + "[" + "".join(rf"\x{{{o}}}" for o in _BITS if o != bit) + "]" for bit in _BITS)

#: Ends of lines but `\\n`: also vertical tab, form feed, next line, line and paragraph separator.
_LINE_END = r"\r\n?|[\x0B\x0C\x{85}\x{2028}\x{2029}]"

_UNSEEN = rf"[{_BIDI}{_HIDDEN}{_JOINERS}]"

#: What is removed: by flag, the RE2 pattern and what stays of it. In this order: joining what stood around one kind
#: never makes a new one of an earlier kind.
REMOVED: Mapping[str, tuple[str, str]] = {
    "tag_characters": (rf"({_FLAG})|[\x{{E0000}}-\x{{E007F}}]+", r"\1"),
    "smuggled_bits": (rf"{_BIT}*(?:(?:{_TURN}){_BIT}*){{4,}}", ""),
    "bidi_controls": (rf"[{_BIDI}]+", ""),
    "hidden_characters": (rf"({_SYLLABLE})|[{_HIDDEN}]+", r"\1"),
    "soft_hyphens": (r"\x{AD}+", ""),
    "control_characters": (rf"[{_CONTROLS}]+", ""),
    "smuggled_selectors": (rf"{_SELECTOR}{{4,}}", ""),
    "variation_selectors": (rf"[\x{{FE00}}-\x{{FE0F}}]*[\x{{E0100}}-\x{{E01EF}}]{_SELECTOR}*|{_SELECTOR}{{2,}}", ""),
}

#: Flags that say what the removed was good for: letters in reversed order, words cut into pieces by what is not seen.
REPORTED: Mapping[str, str] = {
    "reversed_order": r"\x{202E}",
    "split_words": rf"(?:[A-Za-z]{{1,4}}{_UNSEEN}+){{2}}[A-Za-z]|(?:[A-Za-z]\x{{AD}}+){{3}}[A-Za-z]",
}

#: What needs no joiner: ASCII, Latin letters, spaces and common punctuation; on its left also their marks.
_PLAIN = (
    r"\x00-\x{2FF}\x{374}\x{37E}\x{387}\x{1E00}-\x{1EFF}\x{1FEF}\x{1FFD}\x{2000}-\x{200A}\x{2010}-\x{2027}"
    r"\x{202F}-\x{205F}\x{212A}\x{212B}"
)
#: What no normal form changes, whatever stands beside it: of Latin, Greek, Cyrillic, Japanese and Chinese, common
#: punctuation and symbols, emoji.
_COMPOSED = (
    r"[\x00-\x{2FF}\x{391}-\x{3CF}\x{400}-\x{482}\x{2002}-\x{200B}\x{200E}-\x{2027}\x{202F}-\x{205F}"
    r"\x{20A0}-\x{20BF}\x{2190}-\x{2328}\x{2460}-\x{2ADB}\x{3000}-\x{3029}\x{3041}-\x{3094}\x{30A1}-\x{30FE}"
    r"\x{4E00}-\x{9FFF}\x{FE0F}\x{FF01}-\x{FF9F}\x{1F1E6}-\x{1FAFF}]*"
)

_STRAY = rf"(^|[{_PLAIN}\x{{300}}-\x{{36F}}])[{_JOINERS}]+([{_PLAIN}]|$)"

#: What of ASCII is removed, or ends a line in another way than `\\n`.
_ASCII_CHANGED = re.compile(r"[\x00-\x08\x0B-\x1F\x7F]")

_ANY = (
    rf"[{_CONTROLS}\x{{AD}}{_BIDI}{_HIDDEN}\x{{E0000}}-\x{{E007F}}\x{{E0100}}-\x{{E01EF}}]|[\x{{FE00}}-\x{{FE0F}}]{{2}}"
    rf"|[{_JOINERS}]{{2}}|[A-Za-z][{_JOINERS}]"
)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A column of *texts*, by flag the rows (ascending) that were changed so, and the *raw* texts as they came."""

    texts: pa.Array
    changes: Mapping[str, list[int]]
    raw: pa.Array | None = None


def normalise(texts: pa.Array) -> Cleaned:
    """The strings *texts*, cleaned; nulls stay null. Cleaning twice changes nothing more."""
    raw, texts = texts, _with_plain_line_ends(texts)
    changes: dict[str, list[int]] = {}
    rows = rows_where(pc.match_substring_regex(texts, _ANY))
    if rows:
        some = texts.take(array(rows, pa.int64()))
        for flag, pattern in REPORTED.items():
            if found := rows_where(pc.match_substring_regex(some, pattern)):
                changes[flag] = [rows[n] for n in found]
        for flag, (pattern, kept) in REMOVED.items():
            after = pc.replace_substring_regex(some, pattern, kept)
            if changed := rows_where(pc.not_equal(some, after)):
                changes[flag] = [rows[n] for n in changed]
            some = after
        texts = put(texts, rows, some)
    return replace(_without_stray_joiners(_composed(texts, changes)), raw=raw)


def is_plain(text: str) -> bool:
    """Whether *text* surely stays as it is: ASCII without control characters. Quicker than cleaning it."""
    return text.isascii() and _ASCII_CHANGED.search(text) is None


def rows_where(mask: pa.BooleanArray) -> list[int]:
    """The rows for which *mask* is true, ascending."""
    return cast("list[int]", pc.indices_nonzero(mask).to_pylist())


#: As `False` it would have Arrow import pandas.
_FALSE = scalar(value=False, kind=pa.bool_())


def taken(values: pa.Array, rows: Sequence[int]) -> pa.Array:
    """The *rows* (ascending, each once) of *values*; *values* itself where those are all."""
    return values if len(rows) == len(values) else values.take(array(rows, pa.int64()))


def is_foreign(texts: pa.Array) -> pa.BooleanArray:
    """For each of the strings *texts* whether it is not ASCII; false for a null."""
    return pc.fill_null(pc.invert(pc.string_is_ascii(texts)), _FALSE)


def foreign_where(texts: pa.Array, pattern: str, *, holds: bool = True) -> tuple[list[int], pa.Array]:
    """The rows (ascending) that are not ASCII and hold the RE2 *pattern*, or do not, and their texts."""
    foreign = pc.indices_nonzero(is_foreign(texts))
    some = texts.take(foreign)
    held = pc.match_substring_regex(some, pattern)
    found = pc.indices_nonzero(held if holds else pc.invert(held))
    return cast("list[int]", foreign.take(found).to_pylist()), some.take(found)


def _with_plain_line_ends(texts: pa.Array) -> pa.Array:
    rows = rows_where(pc.match_substring_regex(texts, _LINE_END))
    return (
        put(texts, rows, pc.replace_substring_regex(texts.take(array(rows, pa.int64())), _LINE_END, "\n"))
        if rows
        else texts
    )


def _composed(texts: pa.Array, changes: dict[str, list[int]]) -> Cleaned:
    """*texts* in NFC. Most are; only what is not is touched, and flagged `not_composed`."""
    foreign, some = foreign_where(texts, rf"\A{_COMPOSED}\z", holds=False)
    if not foreign:
        return Cleaned(texts, changes)
    changed: dict[int, str] = {}
    stacked: list[int] = []
    decomposed: list[int] = []
    marked = pc.match_substring_regex(some, _MARKS).to_pylist()
    for row, text, suspect in zip(foreign, some.to_pylist(), marked, strict=True):
        kept = _unstacked(text) if suspect else text
        final = composed = kept if unicodedata.is_normalized("NFC", kept) else unicodedata.normalize("NFC", kept)
        while suspect and (cut := _unstacked(final)) is not final:
            final = unicodedata.normalize("NFC", cut)
        if kept is not text or final is not composed:
            stacked.append(row)
        if final != text:
            changed[row] = final
            if composed != kept:
                decomposed.append(row)
    if not changed:
        return Cleaned(texts, changes)
    reported = {"stacked_marks": stacked, "not_composed": decomposed}
    changes = changes | {flag: found for flag, found in reported.items() if found}
    rows = list(changed)
    return Cleaned(put(texts, rows, array(list(changed.values()), texts.type)), changes)


def _unstacked(text: str) -> str:
    """*text* with each run of combining marks cut to MAX_MARKS, of diacritics to MAX_DIACRITICS: putting them in order
    takes time with the square of their number. The very same object where there is no such run.
    """
    for pattern in _stacks():
        if pattern.search(text):
            text = pattern.sub(r"\1", text)
    return text


@cache
def _stacks() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Too long a run of marks: of what is one, or decomposes into some alone; and of diacritics."""
    letters = map(chr, range(0x300, 0x20000))
    marks = "".join(one for one in letters if unicodedata.combining(unicodedata.normalize("NFD", one)[0]))
    diacritics = "".join(f"{chr(low)}-{chr(high)}" for low, high in _DIACRITICS)
    return _stack(re.escape(marks), MAX_MARKS), _stack(diacritics, MAX_DIACRITICS)


def _stack(marks: str, most: int) -> re.Pattern[str]:
    return re.compile(f"([{marks}]{{{most}}})[{marks}]+")


def _without_stray_joiners(cleaned: Cleaned) -> Cleaned:
    """Last of all: what stands around them no longer changes. Twice: what is right of one may be left of the next."""
    joined, some = foreign_where(cleaned.texts, f"[{_JOINERS}]")
    rows = [joined[n] for n in rows_where(pc.match_substring_regex(some, _STRAY))]
    if not rows:
        return cleaned
    some = cleaned.texts.take(array(rows, pa.int64()))
    for _ in range(2):
        some = pc.replace_substring_regex(some, _STRAY, r"\1\2")
    return Cleaned(put(cleaned.texts, rows, some), {**cleaned.changes, "stray_joiners": rows})


def put(texts: pa.Array, rows: list[int], some: pa.Array) -> pa.Array:
    """*texts* with its *rows* (ascending) replaced by *some*."""
    mask = np.zeros(len(texts), bool)
    mask[rows] = True
    return pc.replace_with_mask(texts, array(mask.tolist(), pa.bool_()), some)
