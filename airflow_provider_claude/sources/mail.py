"""One mail as a row: who, when, what about, its best body and the names of its attachments.

Nothing in a mail makes this raise. What had to be guessed or given up is a flag:

    charset_guessed   a text was not in the charset it declares, or declares none
    undecodable_bytes U+FFFD stands for bytes that are no characters
    mime_defects      the structure or the encoding of a part is broken; what could be read was read
    header_defects    a header is malformed; what could be read of it is used, or its plain text, of an attachment's name
                      nothing
    headers_missing   the sender or the date, which every mail has to name, is not there
    header_cut        a header, or the list of attachments, was longer than is kept
    date_unreadable   there is a date, but not one that can be read
    hidden_text       the HTML hid text from the eye; it was left out of the body
    hidden_comment    a comment of the HTML holds a sentence
    html_unparsed     the HTML is too large or too tangled to be parsed; its tags were taken off, hidden text stays
    no_headers        nothing that looks like the header of a mail was found
    bare_bounce       a mail server's report that a mail came back, as plain text instead of in the form for such reports
    no_body           no part holds text
    attachments_only  no part holds text, but there are attachments
    too_deep          the parts nest too deep, or are too many, to be told apart; the body is all of them, as they came

The structure is parsed by the standard library's forgiving policy and only the headers that are shown by its
modern one, which raises in odd places: each access to it is on its own.
"""

from __future__ import annotations

import email.policy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.errors import InvalidHeaderDefect
from email.feedparser import BytesFeedParser
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from typing import Any, NamedTuple, cast

from airflow_provider_claude.sources.charset import decode, escaped, unescaped
from airflow_provider_claude.sources.form import (
    ADDRESSES,
    REQUIRED,
    folds_over_nothing,
    has_odd_words,
    is_bare_bounce,
    is_broken,
)
from airflow_provider_claude.sources.html import text_of

MAIL_COLUMNS = ("sender", "recipients", "date", "subject", "message_id", "body", "attachments")

#: Headers are cut to as many characters: what a mail carries is bounded, and parsers take time with the square.
MAX_HEADER = 4_000

#: Of longer lists of addresses only the words are decoded: to tell the addresses apart takes time with the square.
_MAX_PARSED = 1_000

#: Structural headers are cut to as many parameters.
_MAX_PARAMETERS = 100

#: More headers, of all parts together, are no mail: each is kept.
MAX_HEADERS = 100_000

#: Parts in parts are told apart so deep: each line is held against the boundaries of all that are open.
MAX_NESTING = 50

#: So many parts are told apart: each is an object of its own.
MAX_PARTS = 10_000

#: Bytes that are parsed at a time.
_PIECE = 1 << 16

#: All names of attachments together, in characters.
_MAX_ATTACHMENTS = 20_000

_STRUCTURAL = frozenset({"content-type", "content-disposition", "content-transfer-encoding"})
_header_value = email.policy.default.header_factory
_USUAL = frozenset({"from", "to", "subject", "date", "message-id", "received", "mime-version", "content-type"})
_ENVELOPE = re.compile(rb"\A(?:[ \t]*\r?\n|>?From [^\n]*\n)+")
_META_CHARSET = re.compile(rb"<meta[^>]{1,200}charset=[\"']?([\w.:-]+)", re.IGNORECASE)


class Mail(NamedTuple):
    """The columns of a mail, by MAIL_COLUMNS, its flags, and what its HTML holds but does not show."""

    fields: dict[str, str | None]
    flags: tuple[str, ...]
    hidden: str


def read_mail(raw: bytes) -> Mail:
    """The mail *raw*."""
    return _Reading().read(_ENVELOPE.sub(b"", raw, count=1))


class TooMuchError(Exception):
    """The mail has more headers, more parts or a deeper nest of parts than are told apart."""


class _BoundedHeaders(email.policy.Compat32):
    """The forgiving policy, with the headers the parser itself looks into cut, and named in *cut*. For one mail."""

    cut: list[str]
    left: Iterator[int]

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
    """The standard library's parser, within MAX_NESTING and MAX_PARTS."""

    _parts = 0
    _msgstack: list[Message[str, str]]

    def _new_message(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS or len(self._msgstack) > MAX_NESTING:
            raise TooMuchError
        super()._new_message()  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class _Text:
    """A part that may be the body."""

    kind: str
    text: str


@dataclass(slots=True)
class _Reading:
    """One mail being read; *flags* in the order they were raised."""

    flags: dict[str, None] = field(default_factory=dict)
    hidden: str = ""

    def flag(self, name: str) -> None:
        self.flags[name] = None

    def read(self, raw: bytes) -> Mail:
        message = self.parsed(raw)
        headers = {name.lower(): value for name, value in reversed(list(message.raw_items()))}
        self.form(message, headers)
        to = (self.header(headers, "to"), self.header(headers, "cc"))
        fields = {
            "sender": self.header(headers, "from") or self.header(headers, "sender"),
            "recipients": ", ".join(filter(None, to)) or None,
            "date": self.date(headers),
            "subject": self.header(headers, "subject"),
            "message_id": self.header(headers, "message-id"),
            "body": self.body(message),
            "attachments": json.dumps(list(self.attachments(message)), ensure_ascii=False),
        }
        if fields["body"] is None and fields["attachments"] != "[]":
            self.flag("attachments_only")
        return Mail(fields, tuple(self.flags), self.hidden)

    def form(self, message: Message[Any, Any], headers: dict[str, Any]) -> None:
        """Flag what is against the form of mail, wherever it stands."""
        if not _USUAL & headers.keys():
            self.flag("no_headers")
        elif not headers.keys() >= REQUIRED:
            self.flag("headers_missing")
        if any(folds_over_nothing(str(value)) for value in headers.values()):
            self.flag("header_defects")
        self.header(headers, "reply-to")
        if is_bare_bounce(message):
            self.flag("bare_bounce")
        if is_broken(message, _parts(message)):
            self.flag("mime_defects")

    def parsed(self, raw: bytes) -> Message[Any, Any]:
        cut: list[str] = []
        try:
            return _parsed(raw, _BoundedParser(policy=_BoundedHeaders(cut)))
        except Exception:  # noqa: BLE001 - the parser raises whatever it trips over, RecursionError first
            self.flag("too_deep")
            return BytesParser(policy=_BoundedHeaders(cut)).parsebytes(raw, headersonly=True)
        finally:
            if cut:
                self.flag("header_cut")

    def header(self, headers: dict[str, Any], name: str) -> str | None:
        """A header as text on one line; None where it is absent or blank."""
        value = self.unfolded(headers.get(name, ""))
        if len(value) > MAX_HEADER:
            self.flag("header_cut")
            value = value[:MAX_HEADER]
        elif name != "message-id" and value:
            try:
                if name in ADDRESSES and len(value) > _MAX_PARSED:
                    return _one_line(str(make_header(decode_header(value))))
                parsed = _header_value(name, value)
                if any(isinstance(defect, InvalidHeaderDefect) for defect in parsed.defects) or has_odd_words(
                    name, value
                ):
                    self.flag("header_defects")
                value = str(parsed)
            except Exception:  # noqa: BLE001 - it raises IndexError, AttributeError, ValueError, … on what people send
                self.flag("header_defects")
        return _one_line(value)

    def unfolded(self, raw: Any) -> str:
        text = str(raw)
        if escaped(text):
            text, flags = decode(unescaped(text))
            self.flags |= dict.fromkeys(flags)
        return re.sub(r"\r?\n", "", text)

    def date(self, headers: dict[str, Any]) -> str | None:
        """The date in UTC as ISO 8601; a date without a zone is taken for UTC."""
        value = self.unfolded(headers.get("date", ""))[:200]
        if not value.strip():
            return None
        try:
            sent: datetime = _header_value("date", value).datetime
            return sent.replace(tzinfo=sent.tzinfo or UTC).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        except Exception:  # noqa: BLE001 - see header
            self.flag("date_unreadable")
            return None

    def body(self, message: Message[Any, Any]) -> str | None:
        try:
            best = self.best(message)
        except RecursionError:
            self.flag("too_deep")
            best = None
        text = self.shown(best) if best else ""
        if not text.strip():
            self.flag("no_body")
            return None
        return text

    def best(self, part: Message[Any, Any]) -> _Text | None:
        """The part of *part* a reader would read: of alternatives the plain one, else the first that has text."""
        if not part.is_multipart():
            return self.leaf(part)
        found = [best for best in map(self.best, _children(part)) if best]
        if part.get_content_type() == "multipart/alternative":
            found.sort(key=lambda best: ("plain", "html").index(best.kind))
        return found[0] if found else None

    def leaf(self, part: Message[Any, Any]) -> _Text | None:
        kind = part.get_content_type()
        if part.get_content_disposition() == "attachment" or part.get_content_maintype() not in {"text", "multipart"}:
            return None
        text = self.decoded(part, html=kind == "text/html")
        return _Text("html" if kind == "text/html" else "plain", text) if text.strip() else None

    def decoded(self, part: Message[Any, Any], *, html: bool) -> str:
        data = part.get_payload(decode=True)
        if not isinstance(data, bytes):
            return ""
        declared = self.charset(part)
        if declared is None and html and (meta := _META_CHARSET.search(data[:4096])):
            declared = meta[1].decode("ascii", "replace")
        text, flags = decode(data, declared)
        self.flags |= dict.fromkeys(flags)
        if declared is None and not data.isascii():
            self.flag("charset_guessed")
        return text

    def charset(self, part: Message[Any, Any]) -> str | None:
        try:
            return part.get_content_charset()
        except Exception:  # noqa: BLE001 - it decodes what the header says, in the charset it says
            self.flag("header_defects")
            return None

    def filename(self, part: Message[Any, Any]) -> str:
        try:
            return self.unfolded(part.get_filename() or "")
        except Exception:  # noqa: BLE001 - see charset
            self.flag("header_defects")
            return ""

    def shown(self, best: _Text) -> str:
        if best.kind == "plain":
            return best.text
        text, flags, self.hidden = text_of(best.text)
        for flag in flags:
            self.flag(flag)
        return text

    def attachments(self, message: Message[Any, Any]) -> Iterator[str]:
        room = _MAX_ATTACHMENTS
        for part in _parts(message):
            name = self.filename(part)
            if name or part.get_content_disposition() == "attachment":
                name = self.header({"": name}, "") or f"unnamed {part.get_content_type()}"
                room -= len(name)
                if room < 0:
                    self.flag("header_cut")
                    return
                yield name


def _one_line(text: str) -> str | None:
    return " ".join(text.encode("utf-8", "replace").decode().split()) or None


def _parsed(raw: bytes, parser: _BoundedParser) -> Message[str, str]:
    for start in range(0, len(raw), _PIECE):
        parser.feed(raw[start : start + _PIECE])
    return parser.close()


def _parts(message: Message[Any, Any]) -> Iterator[Message[Any, Any]]:
    """*message* and all its parts, in order, without recursion."""
    todo = [message]
    while todo:
        part = todo.pop()
        yield part
        todo.extend(reversed(_children(part)))


def _children(part: Message[Any, Any]) -> list[Message[Any, Any]]:
    return cast("list[Message[Any, Any]]", part.get_payload()) if part.is_multipart() else []
