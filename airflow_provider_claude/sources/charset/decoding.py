"""The one rule for character sets: for mail bodies and headers, CSV and JSON Lines.

Names are those of the WHATWG encoding standard, as browsers and mail readers use them (`iso-8859-1` means windows-1252,
`gb2312` means GBK), then those that Python knows, then what people and programs write for them (`UTF-8;`, `win-1251`).

Of a text with bytes beyond ASCII:

    it is valid UTF-8            it is read so, whatever single-byte set is declared; a declared multi-byte set stands where
                                 it fits and the text is so short that both may
    it fits what is declared     it is read so
    it is damaged                what is declared (else UTF-8) where most of it fits: each fault costs one U+FFFD
    none of these                the set is guessed from the bytes

Flags: `charset_guessed`, the text is not in the set it declares, or declares none and is no UTF-8; `undecodable_bytes`,
a U+FFFD stands for bytes that are no characters. All functions take time in proportion to the bytes.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import NamedTuple

import endec
from endec.exceptions import DecodeError

from airflow_provider_claude.sources.charset.labels import SHIFTED, STANDARD, WIDE, exact, lookup, plain

__all__ = ["Decoded", "attempt", "beyond_ascii", "decode", "escaped", "guess", "lookup", "unescaped"]

_MULTI_BYTE = frozenset({"gbk", "gb18030", "big5", "euc-jp", "shift_jis", "euc-kr"})

#: Names that say nothing about bytes beyond ASCII, though browsers read them as windows-1252.
_ASCII = frozenset({"us-ascii", "ascii", "ansi_x3.4-1968"})

#: Sets of the standard that read each byte of ASCII as ASCII.
_WITH_ASCII = STANDARD - SHIFTED - WIDE

#: Sets in whose words pairs of letters are valid UTF-8 at times, and the letters that real UTF-8 in their place has.
_LIKE_UTF8 = {"windows-874": re.compile("[\u0e00-\u0e7f]"), "windows-1256": re.compile("[\u0600-\u06ff]")}

#: So many characters beyond ASCII are no accident: of 20,000 texts of four Chinese characters in GBK 26 are valid UTF-8,
#: of eight none.
_NO_ACCIDENT = 8

#: Sets that are taken for others: Japanese ones for each other, and the standard's for one with more characters.
_MISTAKEN = {
    "iso-2022-jp": ("iso2022_jp_3", "iso2022_jp_2004", "iso2022_jp_2", "iso2022_jp_ext", "shift_jis", "euc-jp"),
    "shift_jis": ("euc-jp",),
    "euc-jp": ("shift_jis",),
}

#: The sets that are guessed, all in use for tables and mail in the last twenty years.
_GUESSED = (
    *("windows-1252", "windows-1250", "windows-1251", "windows-1253", "windows-1254", "windows-1255", "windows-1256"),
    *("windows-1257", "windows-1258", "cp874", "iso-8859-2", "koi8-r", "mac-roman", "cp850", "cp866"),
    *("cp932", "euc-jp", "iso-2022-jp", "gb18030", "big5hkscs", "cp949"),
)

#: Those whose texts are mostly ASCII.
_GUESSED_OF_FEW = ("windows-1252", "windows-1250", "mac-roman", "cp850")

#: Fewer bytes beyond ASCII, all of them Western letters and signs, among at least as many letters of ASCII, are taken for
#: windows-1252: the set of most texts without a name.
_LEAST = 8

#: What the guesses are called in the standard, whose sets hold all of theirs.
_NAMES_OF_GUESSES = {"euc_jis_2004": "euc-jp", "shift_jis_2004": "shift_jis", "big5hkscs": "big5"}

#: So many characters of UTF-8 on end are in no text of another set.
_UTF8_RUN = re.compile(rb"(?:[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}){8}")

_SAMPLE = 1 << 16
_MARKS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16le", b"\xfe\xff": "utf-16be"}
_IDLE_ESCAPE = re.compile(rb"\x1b(?:\([BJI]|\$[@B])(?=\x1b[($])")
_SURROGATES = re.compile("[\ud800-\udfff]")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f\ufffd]")
_BEYOND_CONTROLS = re.compile(r"[^\x00-\x9f\ufffd]")
_LETTER = re.compile(rb"[A-Za-z]")
_LOW_BYTES = bytes(range(128))
_WESTERN = bytes(range(0xA0, 0x100)) + "€‚„…‘’“”•–—™".encode("cp1252")

#: Flags: the character set was guessed; a U+FFFD stands for bytes, or halves of characters, that are none.
GUESS, LOSS = "charset_guessed", "undecodable_bytes"
_GUESS, _LOSS = (GUESS,), (LOSS,)


class Decoded(NamedTuple):
    """A text and what had to be done for it: none, one or both of `charset_guessed` and `undecodable_bytes`."""

    text: str
    flags: tuple[str, ...] = ()


def decode(data: bytes, declared: str | None = None) -> Decoded:
    """The text of *data*, whose character set is called *declared*. Never raises; a byte order mark is taken off."""
    if data.isascii() and b"\x1b" not in data:
        named = bool(declared) and plain(str(declared)) not in _ASCII
        charset = lookup(str(declared)) if named else None
        if charset is None or charset in _WITH_ASCII:
            return Decoded(data.decode("ascii"), _GUESS if named and charset is None else ())
    charset = _of(data, declared)
    other = (charset in WIDE and b"\0" in data) or (charset in SHIFTED and data.isascii())
    utf8 = None if other else attempt(data, "utf-8")
    text = utf8 if charset in {None, "utf-8"} else attempt(data, str(charset))
    if text is not None and (utf8 is None or utf8 == text or not _is_utf8(utf8, str(charset))):
        return Decoded(text, _GUESS if declared and charset is None and not _is_ascii(data, declared) else ())
    return _damaged(data, charset or "utf-8") if utf8 is None else Decoded(utf8, _GUESS)


def guess(data: bytes) -> str:
    """The character set *data* is in, by the name to declare it with: `utf-8` where it is, else by how its letters are spread.

    Looks at the lines with bytes beyond ASCII in the first MB, and at 64 KB of those at most.
    """
    if attempt(data, "utf-8") is not None:
        return "utf-8"
    sample = b"\n".join(line for line in data[: 1 << 20].splitlines() if not line.isascii())[:_SAMPLE]
    beyond = sample.translate(None, _LOW_BYTES)
    few = len(beyond) < _LEAST and len(beyond) <= len(_LETTER.findall(sample))
    if few and not beyond.translate(None, _WESTERN):
        return "windows-1252"
    from chardet import detect  # loads its tables, which few runs need

    sets = _GUESSED_OF_FEW if few else _GUESSED
    found = detect(sample, include_encodings=sets, compat_names=False, max_bytes=_SAMPLE)["encoding"] or ""
    name = _NAMES_OF_GUESSES.get(found) or lookup(found) or "windows-1252"
    return "windows-1252" if attempt(sample, "windows-1252") == attempt(sample, name) else name


def attempt(data: bytes, charset: str) -> str | None:
    """The text of *data* in the character set called *charset*, by an exact name; None where it is not in it, or where there
    is none of that name.
    """
    name = exact(charset)
    try:
        if name == "utf-8":
            return data.decode("utf-8").removeprefix("\ufeff")
        if name is not None and name in STANDARD:
            return endec.decode(_escapes(data, name), name, "strict", bom="strip")
        text = data.decode(name) if name else None
    except (DecodeError, ValueError):
        return None
    return None if text is None or _SURROGATES.search(text) else text


def beyond_ascii(text: str) -> int:
    """How many characters of *text* are letters beyond ASCII: neither that nor U+FFFD."""
    return 0 if text.isascii() else len(text) - len(text.encode("ascii", "ignore")) - text.count("\ufffd")


def escaped(text: str) -> bool:
    """Whether *text* holds bytes that were not UTF-8, as `errors="surrogateescape"` keeps them."""
    return _SURROGATES.search(text) is not None


def unescaped(text: str) -> bytes:
    """The bytes *text* was decoded from with `errors="surrogateescape"`."""
    return text.encode("utf-8", "surrogateescape")


def _of(data: bytes, declared: str | None) -> str | None:
    """The set *data* is in by its byte order mark, else by what is *declared*; None where neither says."""
    charset = lookup(declared) if declared and plain(declared) not in _ASCII else None
    if charset is None or "utf_32" not in charset:
        charset = next((name for mark, name in _MARKS.items() if _has_mark(data, mark, charset)), charset)
    if charset == "utf-16le" and not data.startswith(b"\xff\xfe") and data[::2].count(0) > data[1::2].count(0):
        return "utf-16be"
    if charset not in SHIFTED and b"\x1b$" in data and attempt(data, "iso-2022-jp") is not None:
        return "iso-2022-jp"
    return charset


def _has_mark(data: bytes, mark: bytes, charset: str | None) -> bool:
    """Whether *data* begins with *mark*. In a set of single bytes that of UTF-16 are two letters, and UTF-16 has zeros."""
    return data.startswith(mark) and (len(mark) > 2 or charset is None or charset in WIDE or b"\0" in data)


def _is_ascii(data: bytes, declared: str) -> bool:
    return plain(declared) in _ASCII and data.isascii()


def _is_utf8(text: str, charset: str) -> bool:
    """Whether bytes that *charset* fits, and that are *text* as UTF-8, are UTF-8."""
    if charset in WIDE:
        return True
    if charset in SHIFTED:
        return False
    if _BEYOND_CONTROLS.search(text) is None:
        return False
    beyond = [match[0] for match in islice(_BEYOND_ASCII.finditer(text), _NO_ACCIDENT)]
    if len(beyond) >= _NO_ACCIDENT:
        return True
    if charset in _MULTI_BYTE:
        return all(character >= "\u0800" for character in beyond)
    return charset not in _LIKE_UTF8 or _LIKE_UTF8[charset].search(text) is not None


def _damaged(data: bytes, charset: str) -> Decoded:
    """The text of *data*, which is not wholly in *charset*: in it, where most of it is, else in a guessed set."""
    text = _replaced(data, charset)
    right = len(text) if charset in WIDE else beyond_ascii(text)
    sure = charset == "utf-8" and _UTF8_RUN.search(data)
    others = (name for name in _MISTAKEN.get(charset, ()) if name in SHIFTED or not data.isascii())
    other = next((name for name in others if attempt(data, name) is not None), None)
    if other is None and (sure or 0 < text.count("\ufffd") <= right or data.startswith(tuple(_MARKS))):
        return Decoded(text, _LOSS)
    text = _replaced(data, other or guess(data))
    return Decoded(text, _GUESS + _LOSS if "\ufffd" in text else _GUESS)


def _escapes(data: bytes, charset: str) -> bytes:
    """*data* with what iso-2022-jp of mail has and that of the standard has not: SO and SI around half-width kana, and
    changes of set with nothing in them, as between two encoded words, which the standard takes for an attack.
    """
    if charset != "iso-2022-jp":
        return data
    return _IDLE_ESCAPE.sub(b"", data.replace(b"\x0e", b"\x1b(I").replace(b"\x0f", b"\x1b(B"))


def _replaced(data: bytes, charset: str) -> str:
    if charset in STANDARD:
        return endec.decode(_escapes(data, charset), charset, "replace", bom="strip")
    return _SURROGATES.sub("\ufffd", data.decode(charset, "replace"))
