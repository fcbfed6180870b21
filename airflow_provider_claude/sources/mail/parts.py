"""The text of one part: its transfer encoding undone, its characters read, its lines as its reader sees them."""

from __future__ import annotations

import binascii
import re
from email.message import Message
from typing import Any, NamedTuple, cast

from airflow_provider_claude.sources.charset.decoding import attempt, decode, lookup
from airflow_provider_claude.sources.html.visible_text import MAX_HTML, stripped, text_of

HTML = frozenset({"text/html", "application/xhtml+xml", "text/x-amp-html", "text/watch-html"})
ENRICHED = frozenset({"text/enriched", "text/richtext"})

#: How far into HTML its character set is looked for, in bytes: style sheets stand before it at times.
_MAX_META = 1 << 20

_META = re.compile(rb"""<meta[^>]{1,200}charset\s{0,9}=\s{0,9}["']?\s{0,9}([\w.:-]{1,60})""", re.IGNORECASE)
_XML = re.compile(rb"""\A\s{0,99}<\?xml[^>]{1,100}encoding\s{0,9}=\s{0,9}["']([\w.:-]{1,60})""", re.IGNORECASE)
_ASCII = frozenset({None, "", "us-ascii", "ascii", "ansi_x3.4-1968"})
_SOFT_BREAK = re.compile(rb"=[ \t]++(?=\r?\n|\Z)")
_BASE64_LINE = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_TAG_OF_ENRICHED = re.compile(r"<param>[^<]{0,500}</param>|</?[a-z0-9-]{1,60}>", re.IGNORECASE)

#: A line of base64 in the midst of a part is so long at least; a shorter one may be a word of the text behind it.
_FULL_LINE = 24


class PartText(NamedTuple):
    """The text of a part, its flags, and what its HTML holds but does not show."""

    text: str
    flags: tuple[str, ...] = ()
    hidden: str = ""


def text_of_part(part: Message[Any, Any], room: int = MAX_HTML) -> PartText:
    """The text of *part*, which has no parts of its own. Flags: of decode() and of the HTML. HTML of more than *room*
    characters is not parsed.
    """
    kind = part.get_content_type()
    text, flags = _decoded(part, html=kind in HTML)
    if kind in HTML:
        shown = text_of(text) if len(text) <= room else stripped(text)
        return PartText(shown.text, (*flags, *shown.flags), shown.hidden)
    if kind in ENRICHED:
        return PartText(_TAG_OF_ENRICHED.sub("", text.replace("<<", "\0")).replace("\0", "<"), flags)
    return PartText(unwrapped(text, **_flow(part)) if _flow(part) else text, flags)


def charset_of(part: Message[Any, Any]) -> str | None:
    """What *part* says its character set is called. Raises what the parser raises on an odd header."""
    return part.get_content_charset()


def _decoded(part: Message[Any, Any], *, html: bool) -> tuple[str, tuple[str, ...]]:
    data, behind = payload(part)
    flags: dict[str, None] = {}
    try:
        declared = charset_of(part)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - it decodes what the header says, in the character set it says
        declared, flags = None, {"header_defects": None}
    named = _charset_of_html(data, declared) if html and not data.isascii() else declared
    text, found = decode(data, named)
    flags |= dict.fromkeys(found)
    if behind:
        text = f"{text}\n{decode(behind, declared).text}"
    if declared is None and named is None and not data.isascii():
        flags["charset_guessed"] = None
    return text, tuple(flags)


def _charset_of_html(data: bytes, declared: str | None) -> str | None:
    """The character set that the header of the part or, where it says none or one that does not fit, the HTML declares."""
    if declared not in _ASCII and _fits(data, declared):
        return declared
    found = _META.search(data, 0, _MAX_META) or _XML.search(data[:300])
    if found is None:
        return declared
    name = found[1].decode("ascii", "replace")
    return name if declared in _ASCII or _fits(data, name) else declared


def _fits(data: bytes, declared: str | None) -> bool:
    charset = lookup(declared or "")
    return charset is not None and attempt(data, charset) is not None


def payload(part: Message[Any, Any], encoding: str | None = None) -> tuple[bytes, bytes]:
    """The bytes of *part*, in its own or another *encoding*, and what a mailing list has put behind them without regard to it."""
    # get_payload() would read the bytes beyond ASCII in Python's character sets.
    raw = part._payload  # type: ignore[attr-defined]  # noqa: SLF001
    if not isinstance(raw, str):
        return b"", b""
    if encoding is None:
        encoding = str(part.get("Content-Transfer-Encoding", ""))[:300].partition(";")[0].strip().lower()
    if encoding.startswith(("x-uu", "uu")):
        return cast("bytes", part.get_payload(decode=True)), b""
    data = raw.encode("utf-8", "surrogateescape")
    match encoding:
        case "base64":
            return _from_base64(data)
        case "quoted-printable":
            return binascii.a2b_qp(_SOFT_BREAK.sub(b"=", data)), b""
        case _:
            return data, b""


def _from_base64(data: bytes) -> tuple[bytes, bytes]:
    lines = data.split(b"\n")
    end = next((number for number, line in enumerate(lines) if not _is_base64(line.strip())), len(lines))
    behind = lines[end:]
    if not any(line.strip() for line in lines[:end]):
        return data, b""
    if any(len(line) >= _FULL_LINE and len(line) % 4 == 0 and _is_base64(line) for line in map(bytes.strip, behind)):
        end, behind = len(lines), []
    return _loosely(b"\n".join(lines[:end])), b"\n".join(behind).strip(b"\r\n")


def _is_base64(line: bytes) -> bool:
    return not line or _BASE64_LINE.fullmatch(line) is not None


def _loosely(data: bytes) -> bytes:
    """What base64 *data* holds, each piece up to its padding for itself; what is no base64 is passed over."""
    decoded = []
    for piece in data.split(b"="):
        letters = _NOT_BASE64.sub(b"", piece)
        letters = letters[: len(letters) - 1] if len(letters) % 4 == 1 else letters
        decoded.append(binascii.a2b_base64(letters + b"=" * (-len(letters) % 4)))
    return b"".join(decoded)


def _flow(part: Message[Any, Any]) -> dict[str, bool]:
    try:
        flowed = str(part.get_param("format", "")).lower() == "flowed" and part.get_content_type() == "text/plain"
        return {"delsp": str(part.get_param("delsp", "")).lower() == "yes"} if flowed else {}
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - it decodes what the header says, in the character set it says
        return {}


def unwrapped(text: str, *, delsp: bool) -> str:
    """The paragraphs of *text* in `format=flowed`, each on one line (RFC 3676). With *delsp* the blank at a break is not text."""
    paragraphs: list[tuple[int, list[str]]] = []
    open_before = False
    for line in text.replace("\r\n", "\n").split("\n"):
        bare = line.lstrip(">")
        depth, bare = len(line) - len(bare), bare.removeprefix(" ")
        flows = bare.endswith(" ") and bare != "-- "
        said = bare[:-1] if flows and delsp else bare
        if open_before and depth == paragraphs[-1][0] and bare != "-- ":
            paragraphs[-1][1].append(said)
        else:
            paragraphs.append((depth, [said]))
        open_before = flows
    return "\n".join(_quoted("".join(said), depth) for depth, said in paragraphs)


def _quoted(paragraph: str, depth: int) -> str:
    return f"{'>' * depth} {paragraph}" if depth and paragraph else ">" * depth + paragraph
