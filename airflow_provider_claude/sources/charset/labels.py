"""The names of character sets: of the WHATWG encoding standard, of Python, and those that people and programs write."""

from __future__ import annotations

import encodings
import pkgutil
import re
from encodings.aliases import aliases
from functools import lru_cache

from webencodings.labels import LABELS

#: Windows code pages by number, where the number is not in the name of the standard or of Python.
_PAGES = {
    "932": "shift_jis",
    "936": "gbk",
    "949": "euc-kr",
    "950": "big5",
    "1200": "utf-16le",
    "1201": "utf-16be",
    "10000": "macintosh",
    "10007": "x-mac-cyrillic",
    "20127": "us-ascii",
    "20866": "koi8-r",
    "20932": "euc-jp",
    "21866": "koi8-u",
    "28591": "iso-8859-1",
    "28592": "iso-8859-2",
    "28605": "iso-8859-15",
    "50220": "iso-2022-jp",
    "50221": "iso-2022-jp",
    "50222": "iso-2022-jp",
    "51932": "euc-jp",
    "51936": "gbk",
    "51949": "euc-kr",
    "52936": "hz",
    "54936": "gb18030",
    "65000": "utf_7",
    "65001": "utf-8",
}

#: Names seen in mail that neither the standard nor Python knows.
_OTHER_NAMES = {
    "cn-gb": "gbk",
    "cn-big5": "big5",
    "eucjp-win": "euc-jp",
    "eucjp-ms": "euc-jp",
    "hz-gb-2312": "hz",
    "iso-2022-jp-ms": "iso-2022-jp",
    "koi8u": "koi8-u",
    "mac": "macintosh",
    "mac-ce": "mac_latin2",
    "macce": "mac_latin2",
    "mac-roman": "macintosh",
    "macroman": "macintosh",
    "mac-chinesesimp": "gbk",
    "mac-chinesetrad": "big5",
    "mac-japanese": "shift_jis",
    "mac-korean": "euc-kr",
    "ms_kanji": "shift_jis",
    "sjis-win": "shift_jis",
}

#: Codecs of Python for something else than the text of a mail or a table: of bytes, of names of hosts, of source code.
_NOT_TEXT = frozenset(
    {
        *("base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec", "zlib_codec", "mbcs", "oem"),
        *("tactis", "idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "charmap", "aliases"),
    }
)


def _bare(label: str) -> str:
    """*label* without hyphens, blanks and the like, which everyone writes differently (`latin-9`, `latin9`)."""
    return re.sub(r"[-_. ]", "", label)


_CODECS = {module.name: module.name for module in pkgutil.iter_modules(encodings.__path__)}
_PYTHON = {_bare(name): codec for name, codec in (_CODECS | aliases).items() if codec not in _NOT_TEXT}

_LABELS: dict[str, str] = LABELS

#: The names of the standard, without the two that stand for no set of characters.
STANDARD = frozenset(_LABELS.values()) - {"replacement", "x-user-defined"}

_BARE_LABELS = {_bare(label): name for label, name in _LABELS.items() if name in STANDARD}

SHIFTED = frozenset({"iso-2022-jp", "hz", "utf_7"} | {name for name in _PYTHON.values() if "2022" in name})
WIDE = frozenset({"utf-16le", "utf-16be", "utf_32", "utf_32_le", "utf_32_be"})

_MAX_LABEL = 60
_PAGE = re.compile(r"(?:x-)?(?:cp|ibm|dos|ms|win|windows|codepage)[-_ ]?0*(\d{3,5})", re.ASCII)


def lookup(label: str) -> str | None:
    """The name of the character set *label* stands for: of the WHATWG standard, else of a codec of Python; None for others.

    What people add to a name is left out (`_iso-2022-jp$ESC`, `utf8mb4`), as long as it does not begin with a digit.
    """
    return _lookup(plain(label))


def plain(label: str) -> str:
    """*label* without what surrounds it in a header, in small letters."""
    return label.strip("\t\n\f\r \"';").lower()[:_MAX_LABEL]


@lru_cache(maxsize=1024)
def _lookup(label: str) -> str | None:
    bare = re.sub(r"\A(?:x-|[_\s])+", "", label)
    for name in (label, bare):
        if found := _exact(name):
            return found
    for end in range(len(bare) - 1, 3, -1):
        if not bare[end:].lstrip("-_. ")[:1].isdigit() and (found := _exact(bare[:end])):
            return found
    return None


def exact(label: str) -> str | None:
    """As lookup(), without leaving anything out."""
    return _exact(plain(label))


@lru_cache(maxsize=1024)
def _exact(label: str) -> str | None:
    found = _LABELS.get(label)
    if found in STANDARD:
        return found
    if page := _PAGE.fullmatch(label):
        number = page[1]
        return _PAGES.get(number) or _LABELS.get(f"windows-{number}") or _codec(f"cp{number}")
    return _OTHER_NAMES.get(label) or _BARE_LABELS.get(_bare(label)) or _codec(label)


def _codec(label: str) -> str | None:
    """The set of Python called *label*, where it reads ASCII as ASCII: by its name in the standard, where it has one there.
    (To ask Python itself costs memory for good.)
    """
    codec = _PYTHON.get(_bare(label))
    if codec is None or codec.startswith("utf_32"):
        return codec
    if codec != "ascii" and (standard := _BARE_LABELS.get(_bare(codec))):
        return standard
    return codec if b"Az09@{}".decode(codec, "replace") == "Az09@{}" else None
