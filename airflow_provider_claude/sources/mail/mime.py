"""The bytes of a mail as a tree of parts, within bounds, by the standard library's forgiving parser.

What stands before the headers is taken off: a byte order mark, blank lines, a mailbox's `From ` line. Files that
programs other than mail programs have written are brought back to the form of mail: UTF-16, lines that end with CR or CR CR LF.
"""

from __future__ import annotations

import email.policy
import re
from collections.abc import Iterator
from email.feedparser import BytesFeedParser
from email.message import Message
from email.parser import BytesParser
from typing import Any, NamedTuple, cast

#: Headers are cut to as many characters: what a mail carries is bounded, and parsers take quadratic time.
MAX_HEADER = 4_000

#: Structural headers are cut to as many parameters.
_MAX_PARAMETERS = 100

#: More headers, of all parts together, are no mail: each is kept.
MAX_HEADERS = 100_000

#: How deep nested parts are split: each line is compared with the boundaries of all open parts.
MAX_NESTING = 50

#: How many parts are split: each becomes an object.
MAX_PARTS = 10_000

#: Bytes that are parsed at a time.
_PIECE = 1 << 16

_STRUCTURAL = frozenset({"content-type", "content-disposition", "content-transfer-encoding"})
_ENVELOPE = re.compile(rb"\A(?:\xef\xbb\xbf|[ \t]*\r?\n|>?From [^\n]*\n)+")
_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_WIDE = {re.compile(rb"(?:[A-Za-z]\0){4}"): "utf-16-le", re.compile(rb"(?:\0[A-Za-z]){4}"): "utf-16-be"}
_OF_PARTS = frozenset({"multipart", "message"})
_BLANK_LINE = re.compile(rb"\n\r?\n")
_FIRST_END = re.compile(rb"[^\r\n]*(\r\n|\n|\r\r\n|\r)")


class Parsed(NamedTuple):
    """A mail in parts; flags: `header_cut`, `mime_defects` (what as_mail() corrected), `too_deep` (it is one part then)."""

    message: Message[Any, Any]
    flags: tuple[str, ...]


def parse(raw: bytes) -> Parsed:
    """The mail *raw*. Never raises."""
    mail = as_mail(raw)
    cut: list[str] = []
    try:
        message, flags = _parsed(mail, _BoundedParser(policy=_BoundedHeaders(cut))), []
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - the parser raises whatever it trips over, RecursionError first
        message, flags = BytesParser(policy=_BoundedHeaders(cut)).parsebytes(mail, headersonly=True), ["too_deep"]
    flags += ["header_cut"] if cut else []
    return Parsed(message, tuple(flags if _is_plain(raw, mail) else [*flags, "mime_defects"]))


def _is_plain(raw: bytes, mail: bytes) -> bool:
    """Whether *mail* is *raw* without blank lines or a line of a mailbox before it."""
    return raw.endswith(mail) and b"\xef\xbb\xbf" not in raw[: len(raw) - len(mail)]


def as_mail(raw: bytes) -> bytes:
    """*raw* from its first header on, in bytes and lines as mail has them."""
    raw = _narrow(raw)
    end = _FIRST_END.match(raw)
    if end and end[1] == b"\r":
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    elif end and end[1] == b"\r\r\n":
        raw = raw.replace(b"\r\r\n", b"\r\n")
    return _ENVELOPE.sub(b"", raw, count=1)


def _narrow(raw: bytes) -> bytes:
    """*raw* in UTF-8, where it is UTF-16."""
    charset = _MARKS.get(raw[:2]) or next((name for form, name in _WIDE.items() if form.match(raw)), None)
    return raw.decode(charset, "replace").encode("utf-8", "replace").removeprefix(b"\xef\xbb\xbf") if charset else raw


def walk(message: Message[Any, Any]) -> Iterator[Message[Any, Any]]:
    """*message* and all its parts, in order, without recursion."""
    todo = [message]
    while todo:
        part = todo.pop()
        yield part
        todo.extend(reversed(children(part)))


def children(part: Message[Any, Any]) -> list[Message[Any, Any]]:
    return cast("list[Message[Any, Any]]", part.get_payload()) if part.is_multipart() else []


class _Part(Message):
    """A message that remembers what its headers say, which only the parser writes: the reader asks for the same few often."""

    def __init__(self, policy: email.policy.Policy[Any] = email.policy.compat32) -> None:
        super().__init__(policy)
        self._forget()

    def _forget(self) -> None:
        self._values: dict[str, Any] | None = None
        self._params: dict[str, Any] = {}
        self._type: str | None = None

    def set_raw(self, name: str, value: Any) -> None:
        if self._values is not None:
            self._forget()
        super().set_raw(name, value)

    def set_default_type(self, ctype: str) -> None:
        self._forget()
        super().set_default_type(ctype)

    @property
    def _known(self) -> dict[str, Any]:
        """The first value of each header that was asked for, by its name in small letters; of the others, None."""
        if self._values is None:
            self._values = dict.fromkeys([name.lower() for name in self])
        return self._values

    def __contains__(self, name: object) -> bool:
        return str(name).lower() in self._known

    def get(self, name: str, failobj: Any = None) -> Any:
        key, known = name.lower(), self._known
        if key not in known:
            return failobj
        if known[key] is None:
            known[key] = super().get(name)
        return known[key]

    def get_content_type(self) -> str:
        if self._type is None:
            self._type = super().get_content_type()
        return self._type

    def _get_params_preserve(self, failobj: Any, header: str) -> Any:
        if header not in self._params:
            self._params[header] = super()._get_params_preserve(None, header)  # type: ignore[misc]
        return failobj if self._params[header] is None else self._params[header]


class TooMuchError(Exception):
    """The mail has more headers, more parts or deeper nested parts than are split."""


class _BoundedHeaders(email.policy.Compat32):
    """The forgiving policy, with the headers the parser itself looks into cut, and named in *cut*. For one mail."""

    cut: list[str]
    left: Iterator[int]
    message_factory = _Part

    def __init__(self, cut: list[str]) -> None:
        super().__init__()
        object.__setattr__(self, "cut", cut)
        object.__setattr__(self, "left", iter(range(MAX_HEADERS)))

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        if next(self.left, None) is None:
            raise TooMuchError
        name, value = super().header_source_parse(sourcelines)
        if name.lower() not in _STRUCTURAL:
            return name, value
        kept = ";".join(value[:MAX_HEADER].split(";", _MAX_PARAMETERS)[:_MAX_PARAMETERS])
        if kept != value:
            self.cut.append(name)
        return name, kept


class _BoundedParser(BytesFeedParser):
    """The standard library's parser, within MAX_NESTING and MAX_PARTS. *top* is the mail, once it has begun."""

    _parts = 0
    _msgstack: list[Message[str, str]]
    top: Message[str, str]

    def _new_message(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS or len(self._msgstack) > MAX_NESTING:
            raise TooMuchError
        super()._new_message()  # type: ignore[misc]
        if self._parts == 1:
            self.top = self._msgstack[0]

    def feed_all(self, raw: bytes) -> None:
        for start in range(0, len(raw), _PIECE):
            self.feed(raw[start : start + _PIECE])


def _parsed(raw: bytes, parser: _BoundedParser) -> Message[str, str]:
    """The mail *raw*. The parser takes the text of a part without parts line by line, and as it is: so it gets the headers."""
    blank = _BLANK_LINE.search(raw)
    head = blank.end() if blank else len(raw)
    parser.feed_all(raw[:head])
    if head == len(raw) or parser.top.get_content_maintype() in _OF_PARTS:
        parser.feed_all(raw[head:])
        return parser.close()
    message = parser.close()
    # get_payload() would read the bytes beyond ASCII in Python's character sets.
    message._payload += raw[head:].decode("ascii", "surrogateescape")  # type: ignore[attr-defined]  # noqa: SLF001
    return message
