"""What encoded parts of a text say: base64, hex, percent, entities, ROT13 and the like, for the scan alone.

An honest text holds much that looks encoded: hashes, keys, tracking links, signatures. So only what decodes to words
counts. Nothing is decompressed; the number and the size of what is decoded are bounded, and so is nesting.
"""

from __future__ import annotations

import codecs
import re
from base64 import b64decode
from binascii import Error
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from html import unescape
from typing import NamedTuple
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import array
from airflow_provider_claude.core.scan.normalise import rows_where

#: What is decoded of one row, at most: characters of a text, times a decoded text is decoded, texts each time. All pieces of
#: a kind make one text, so that no number of harmless ones uses up the room of the others.
MAX_CHARS = 100_000
MAX_DEPTH = 2
MAX_TEXTS = 16

#: Kinds that are in use among honest people too: decoded, but no flag. Links with %20 or of-many-words, l e t t e r s.
HONEST = frozenset({"query", "spaced", "joined", "leet", "skeleton"})


class Reading(NamedTuple):
    """Another text that *row* holds: *kind* says how it was found."""

    row: int
    kind: str
    text: str


class _Kind(NamedTuple):
    """Rows that hold the RE2 *pattern* are given to *decode*, which yields what it makes of a text."""

    pattern: str
    decode: Callable[[str], Iterator[str]]


def decoded(texts: pa.Array) -> list[Reading]:
    """What the strings *texts* hold in code, with the row each was found in, rows ascending for each kind and depth."""
    found: list[Reading] = []
    indexes = list(range(len(texts)))
    for _ in range(MAX_DEPTH):
        level: list[Reading] = []
        taken = Counter[int]()
        for reading in _one_level(texts):
            row = indexes[reading.row]
            taken[row] += 1
            if taken[row] <= MAX_TEXTS:
                level.append(reading._replace(row=row))
        found += [reading for reading in level if _says_something(reading.text)]
        if not level:
            break
        texts, indexes = array([reading.text for reading in level], pa.string()), [reading.row for reading in level]
    return found


def encoded_rows(readings: list[Reading]) -> list[int]:
    """The rows (ascending) in which text stood in code that no honest writer needs."""
    return sorted({reading.row for reading in readings if reading.kind not in HONEST})


def _one_level(texts: pa.Array) -> list[Reading]:
    rows = sorted({row for pattern in _ANY for row in rows_where(pc.match_substring_regex(texts, pattern))})
    if not rows:
        return []
    some = texts.take(array(rows, pa.int64()))
    found: list[Reading] = []
    for name, kind in _KINDS.items():
        hits = rows_where(pc.match_substring_regex(some, kind.pattern))
        for hit, text in zip(hits, some.take(array(hits, pa.int64())).to_pylist(), strict=True):
            plains = [plain for plain in map(_seen, kind.decode(text)) if plain != text and _worth_it(plain)]
            if plains:
                found.append(Reading(rows[hit], name, "\n\n".join(plains)[: 2 * MAX_CHARS]))
    return found


#: Three words, or six letters in a row that are not Latin. Bounded, since a search for what is not takes time.
_WORDS = re.compile(r"(?:[^\W\d_]{2,20}[^\w\s]{0,2}\s{1,3}[^\w\s]{0,2}){2}[^\W\d_]{2}|[^\x00-\u024f\W\d_]{6}")

#: What may be code again.
_CODED = re.compile(r"[A-Za-z0-9+/=_%\s-]{20,}")


#: What splits words without being seen, and controls: a few of those are in a text on purpose, many make it noise.
_UNSEEN = re.compile("[\xad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_MOST_CONTROLS = 0.1


def _seen(text: str) -> str:
    """What a reader sees of *text*."""
    seen = _UNSEEN.sub("", text)
    cleaned = _CONTROLS.sub("", seen)
    return cleaned if len(seen) - len(cleaned) <= _MOST_CONTROLS * len(seen) else seen


def _worth_it(text: str) -> bool:
    return _says_something(text) or _CODED.fullmatch(text) is not None


def _says_something(text: str) -> bool:
    """Whether *text* is printable and has words."""
    return _WORDS.search(text) is not None and "".join(text.split()).isprintable()


def _utf8(data: bytes) -> str:
    """*data* as text; empty where it is not UTF-8 (or UTF-16 in ASCII, as Windows shells encode)."""
    if data[1::2].count(0) == len(data) // 2 > 0:
        data = data[::2]
    try:
        return data.decode()
    except UnicodeDecodeError:
        return ""


def _pieces(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    for piece in pattern.finditer(text):
        yield piece[0]


#: It begins where nothing of it stands before: without saying so, each letter of each word is tried.
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{16,}(?:[ \t>]*\r?\n[ \t>]*[A-Za-z0-9+/_-]{4,})*={0,2}")


def _base64(text: str) -> Iterator[str]:
    for piece in _pieces(_BASE64, text):
        letters = re.sub(r"[\s>=]+", "", piece)[: MAX_CHARS * 4 // 3]
        if letters.islower() or letters.isupper() or letters.isdigit():
            continue
        # A word before or after on a line of its own is no part of it: then the first line alone is tried.
        for part in dict.fromkeys([letters, re.sub(r"=+$", "", piece.split("\n")[0].strip())]):
            whole = part[: len(part) - (len(part) % 4 == 1)].replace("-", "+").replace("_", "/")
            try:
                plain = _utf8(b64decode(whole + "=" * (-len(whole) % 4)))
            except (Error, ValueError):
                continue
            if plain:
                yield plain
                break


_HEX = re.compile(r"(?:(?:\\x|0x)?[0-9A-Fa-f]{2}[\s:,]{0,2}){10,}")


def _hex(text: str) -> Iterator[str]:
    for piece in _pieces(_HEX, text):
        digits = re.sub(r"\\x|0x|[\s:,]+", "", piece)[: MAX_CHARS * 2]
        yield _utf8(bytes.fromhex(digits[: len(digits) & ~1]))


def _numbers(text: str, *, base: int, pattern: re.Pattern[str]) -> Iterator[str]:
    for piece in _pieces(pattern, text):
        codes = [int(code, base) for code in re.findall(r"[01]{8}" if base == 2 else r"\d+", piece)[:MAX_CHARS]]
        if all(32 <= code < 127 or code == 10 for code in codes):
            yield "".join(map(chr, codes))


_BITS = re.compile(r"(?:[01]{8}[\s,]{0,2}){8,}")
_CODES = re.compile(r"(?:\d{2,3}[\s,;]{1,2}){10,}\d{2,3}")


def _percent(text: str) -> Iterator[str]:
    yield unquote(text[:MAX_CHARS], errors="replace")


_QUERY = re.compile(r"[\w.,'!?~-]{1,60}(?:(?:%20|%0[Aa]|\+)[\w.,'!?~-]{1,60}){3,}")


def _query(text: str) -> Iterator[str]:
    for piece in _pieces(_QUERY, text):
        yield unquote(piece.replace("+", " "))


def _entities(text: str) -> Iterator[str]:
    yield unescape(text[:MAX_CHARS])


def _escapes(text: str) -> Iterator[str]:
    yield re.sub(r"\\(?:u00|x)([2-7][0-9A-Fa-f])", lambda code: chr(int(code[1], 16)), text[:MAX_CHARS])


def _printable(text: str) -> Iterator[str]:
    yield re.sub(r"=([2-7][0-9A-Fa-f])", lambda code: chr(int(code[1], 16)), text[:MAX_CHARS])


def _rot13(text: str) -> Iterator[str]:
    yield codecs.encode(text[:MAX_CHARS], "rot13")


def _reversed(text: str) -> Iterator[str]:
    """Read backwards line by line, and word by word."""
    text = text[:MAX_CHARS]
    yield "\n".join(line[::-1] for line in text.split("\n"))
    yield re.sub(r"\w+", lambda word: word[0][::-1], text)


_SPACED = re.compile(r"(?<![A-Za-z])(?:[A-Za-z][ ._*|-]{1,4}){7,}[A-Za-z](?![A-Za-z])")


def _spaced(text: str) -> Iterator[str]:
    """Single letters joined; a wider gap than the narrowest is a space."""
    for piece in _pieces(_SPACED, text):
        gaps = re.findall(r"[ ._*|-]+", piece)
        narrow = min(map(len, gaps))
        yield re.sub(r"[ ._*|-]+", lambda gap: "" if len(gap[0]) == narrow else " ", piece)  # noqa: B023 - used at once


_MARKS, _LEAST_MARKS = "_/*|.~+=^\\-", 5
_SEPARATORS = f"[{re.escape(_MARKS)}]"
_JOINED = re.compile(rf"(?:[A-Za-z']{{1,20}}+ ?+{_SEPARATORS}{{1,3}}+ ?+){{{_LEAST_MARKS},}}[A-Za-z']{{1,20}}")


def _joined(text: str) -> Iterator[str]:
    """Words with marks between them in place of spaces. They are in one line, with five marks at least: few lines have so
    many, and a search for the words tries each letter.
    """
    for line in text.split("\n"):
        if sum(map(line.count, _MARKS)) >= _LEAST_MARKS:
            for piece in _pieces(_JOINED, line):
                yield re.sub(rf" ?{_SEPARATORS}+ ?", " ", piece)


_LEET = str.maketrans("013457", "oieast")
_LEET_WORD = re.compile(r"\b(?=\w*[013457])\w{3,40}\b")


def _leet(text: str) -> Iterator[str]:
    """Digits read as letters in the words that hold both."""
    yield _LEET_WORD.sub(lambda word: word[0] if word[0].isdigit() else word[0].translate(_LEET), text[:MAX_CHARS])


#: An encoded ASCII letter: percent-encoding and numeric entities that no honest software writes.
_PERCENT_LETTER = r"%(?:[46][1-9A-Fa-f]|[57][0-9Aa])"
_ENTITY_LETTER = r"&#(?:0*(?:6[5-9]|[78]\d|9[0789]|1[01]\d|12[0-2])|[xX]0*(?:[46][1-9A-Fa-f]|[57][0-9Aa]))\b;?"

_ROT13 = "vtaber|vtabevat|cerivbhf|vafgehpgvbaf?|flfgrz|cebzcg|nafjre|erfcbaq|gur|naq|lbhe?|guvf|gung|jvgu|jung|sebz"
_BACKWARDS = "erongi|drager|snoitcurtsni|suoiverp|tpmorp|metsys|evitisop|evitagen|rewsna|dnopser|tnatsissa|ruoy|taht"

_LEETS = r"[a-z][013457]{1,2}[a-z]"

_WORDS_JOINED = rf"(?:[A-Za-z']+ ?{_SEPARATORS}+ ?){{5}}[A-Za-z]"

#: By kind: the rows worth a closer look, in RE2, and what is made of them.
_KINDS: Mapping[str, _Kind] = {
    "base64": _Kind(r"[A-Za-z0-9+/_-]{20,}", _base64),
    "hex": _Kind(r"(?:(?:\\x|0x)?[0-9A-Fa-f]{2}[\s:,]{0,2}){10}", _hex),
    "binary": _Kind(r"(?:[01]{8}[\s,]{0,2}){8}", partial(_numbers, base=2, pattern=_BITS)),
    "codes": _Kind(r"(?:\d{2,3}[\s,;]{1,2}){10}\d{2}", partial(_numbers, base=10, pattern=_CODES)),
    "percent": _Kind(rf"(?:{_PERCENT_LETTER}[^\s%]{{0,8}}){{3}}", _percent),
    "query": _Kind(r"(?:(?:%20|%0[Aa])[\w.,'!?~-]+){3}|=(?:[A-Za-z]+\+){3}", _query),
    "entities": _Kind(rf"(?s)(?:{_ENTITY_LETTER}.*){{3}}", _entities),
    "escapes": _Kind(r"(?:\\(?:u00|x)[2-7][0-9A-Fa-f]){4}", _escapes),
    "printable": _Kind(r"(?:=[46][1-9A-F]|=[57][0-9A]){4}", _printable),
    "rot13": _Kind(rf"(?is)\b(?:{_ROT13})\b.*\b(?:{_ROT13})\b", _rot13),
    "reversed": _Kind(rf"(?is)\b(?:{_BACKWARDS})\b.*\b(?:{_BACKWARDS})\b", _reversed),
    "spaced": _Kind(r"\b(?:[A-Za-z][ ._*|-]{1,4}){7}[A-Za-z]\b", _spaced),
    "joined": _Kind(_WORDS_JOINED, _joined),
    "leet": _Kind(rf"(?s)(?:{_LEETS}.*){{3}}", _leet),
}

#: Base64 of letters, not of noise: groups that begin in ASCII; the same for Chinese and the like, for Cyrillic, and UTF-16.
_BASE64_OF_TEXT = (
    r"(?:[I-Za-f][A-Za-z0-9+/_-]{3}){5}|(?:[4-6][A-Za-z0-9+/_-]{3}){5}|(?:0[A-Za-z0-9+/_-]{3}[g-v][A-Za-z0-9+/_-]{3}){3}"
    r"|(?:[H-Za-f][AQgw][AB][A-Za-z0-9+/]A[C-H][A-Za-z0-9+/]A){2}"
)

#: A row of any kind holds one of these. What RE2 searches in one pass is bounded by its states: two passes, not one.
_OTHERS = (
    r"%(?:[4-7][0-9A-Fa-f]|20|0[Aa])|=[A-Za-z]+\+|&#|\\[ux]|=[4-7][0-9A-F]=|0x[0-9A-Fa-f]{2}|[01]{8}",
    r"(?:[0-9A-Fa-f]{2}[\s:,]?){10}|(?:\d{2,3}[\s,;]{1,2}){10}",
    rf"(?i)\b(?:{_ROT13}|{_BACKWARDS})\b",
    r"\b[A-Za-z](?:[ ._*|-]{1,4}[A-Za-z]\b){3}",
    _LEETS,
    _WORDS_JOINED,
)
_ANY = (_BASE64_OF_TEXT, "|".join(_OTHERS))
