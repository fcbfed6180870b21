"""Bytes to text: what is declared, else UTF-8, else the old Western code page; and whether that was a guess."""

from __future__ import annotations

import codecs
import re

#: As browsers read them: senders that declare the small set use the large one. (WHATWG Encoding Standard)
_WIDER = {
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "iso-8859-1": "cp1252",
    "latin-1": "cp1252",
    "latin1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "iso-8859-9": "cp1254",
    "x-sjis": "cp932",
    "iso-8859-8-i": "iso-8859-8",
    "unicode-1-1-utf-7": "utf-7",
    "big5": "big5hkscs",
}

#: Codecs of Python that are no charsets of texts, some of them slow without bound.
_NOT_CHARSETS = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"}

#: A charset's name: looking up a hostile one takes time, and memory that is never given back.
_NAME = re.compile(r"[\w.:-]{1,40}", re.ASCII)

_SURROGATES = re.compile("[\ud800-\udfff]")


def decode(data: bytes, declared: str | None = None) -> tuple[str, bool]:
    """The text of *data*, and whether its charset had to be guessed. Never raises, never drops a byte silently:
    in the last resort every byte becomes the Latin-1 character of its number.
    """
    declared = (declared or "").strip(" \"'").lower()
    # UTF-8 that is not ASCII is hardly ever anything else, so a declared ASCII yields to it.
    if declared in {"us-ascii", "ascii", ""}:
        text = attempt(data, "utf-8")
        if text is not None:
            return text, declared != "" and not data.isascii()
    else:
        text = attempt(data, _WIDER.get(declared, declared))
        if text is not None:
            return text, False
    for charset in ("utf-8", "cp1252"):
        text = attempt(data, charset)
        if text is not None:
            return text, True
    return data.decode("latin-1"), True


def attempt(data: bytes, charset: str) -> str | None:
    """The text of *data* in *charset*; None where it is not, or where there is no such charset of texts."""
    if not _NAME.fullmatch(charset):
        return None
    try:
        if codecs.lookup(charset).name.replace("-", "_") in _NOT_CHARSETS:
            return None
        text = data.decode(charset)
    except (LookupError, ValueError):
        return None
    return None if _SURROGATES.search(text) else text


def escaped(text: str) -> bool:
    """Whether *text* holds bytes that were not UTF-8, as `errors="surrogateescape"` keeps them."""
    return _SURROGATES.search(text) is not None


def unescaped(text: str) -> bytes:
    """The bytes *text* was decoded from with `errors="surrogateescape"`."""
    return text.encode("utf-8", "surrogateescape")
