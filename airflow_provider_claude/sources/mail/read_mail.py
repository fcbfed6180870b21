"""One mail as a row: sender, recipients, date, subject, the text its reader sees and the names of its attachments.

Nothing in a mail makes this raise. What had to be guessed or left out is a flag:

    charset_guessed   a text was not in the charset it declares, or declares none
    undecodable_bytes U+FFFD stands for bytes that are no characters
    mime_defects      the structure or the encoding of a part is broken; what could be read was read
header_defects    a header is malformed; what could be read of it is used, or its plain text; of an attachment's
                      name nothing
headers_missing   the sender or the date, which every mail must have, is missing
    header_cut        a header, or the list of attachments, was longer than is kept
    date_unreadable   there is a date, but not one that can be read
    date_zone_guessed the date names no zone, or one that is not known; it is taken for UTC
    placeholder_text  the plain text only stands in for the HTML ("please use another program"); the HTML is the body
forwarded_message the body includes a forwarded mail
    encrypted         a part is encrypted; it cannot be read
    hidden_text       the HTML hid text from the eye; it was left out of the body
    hidden_comment    a comment of the HTML holds a sentence
    html_unparsed     the HTML is too large or too tangled to be parsed; its tags were taken off, hidden text stays
    no_headers        nothing that looks like the header of a mail was found
    bare_bounce       a mail server's report that a mail came back, as plain text instead of in the form for such reports
    no_body           no part holds text
    attachments_only  no part holds text, but there are attachments
too_deep          the parts nest too deep, or are too many, to be split; the body is all of them, as they came

The tree of parts is made in mime.py, which of them are the body is decided in body.py, their texts are read in
parts.py and headers in headers.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from typing import Any, NamedTuple

from airflow_provider_claude.sources.charset.decoding import Decoded
from airflow_provider_claude.sources.mail.body import Body, body_of
from airflow_provider_claude.sources.mail.form import REQUIRED, folds_over_nothing, is_bare_bounce, is_broken
from airflow_provider_claude.sources.mail.headers import filename, instant, readable, unfolded
from airflow_provider_claude.sources.mail.mime import MAX_HEADER, parse, walk
from airflow_provider_claude.sources.mail.parts import charset_of

#: *body_parts* names the parts that *body* is made of, by their numbers in the mail and their types: `["1.2 text/html"]`.
MAIL_COLUMNS = ("sender", "recipients", "date", "subject", "message_id", "body", "body_parts", "attachments")

#: All names of attachments together, in characters.
_MAX_ATTACHMENTS = 20_000

_as_json = json.JSONEncoder(ensure_ascii=False).encode

_USUAL = frozenset({"from", "to", "subject", "date", "message-id", "received", "mime-version", "content-type"})


class Mail(NamedTuple):
    """The columns of a mail, by MAIL_COLUMNS, its flags, and what its HTML holds but does not show."""

    fields: dict[str, str | None]
    flags: tuple[str, ...]
    hidden: str


def read_mail(raw: bytes) -> Mail:
    """The mail *raw*."""
    message, flags = parse(raw)
    return _Reading(message, dict.fromkeys(flags)).read()


@dataclass(slots=True)
class _Reading:
    """One mail being read; *flags* in the order they were raised."""

    message: Message[Any, Any]
    flags: dict[str, None]
    headers: dict[str, Any] = field(default_factory=dict)

    def flag(self, name: str) -> None:
        self.flags[name] = None

    def text_of(self, decoded: Decoded) -> str:
        """The text of *decoded*, its flags noted."""
        if decoded.flags:
            self.flags |= dict.fromkeys(decoded.flags)
        return decoded.text

    def read(self) -> Mail:
        self.headers = {name.lower(): value for name, value in reversed(list(self.message.raw_items()))}
        self.form()
        to = (self.header("to"), self.header("cc"))
        body = self.body()
        attachments = _as_json(list(self.attachments()))
        fields = {
            "sender": self.header("from") or self.header("sender"),
            "recipients": ", ".join(filter(None, to)) or None,
            "date": self.date(),
            "subject": self.header("subject"),
            "message_id": self.header("message-id"),
            "body": body.text or None,
            "body_parts": _as_json(body.parts),
            "attachments": attachments,
        }
        if not body.text and attachments != "[]":
            self.flag("attachments_only")
        return Mail(fields, tuple(self.flags), body.hidden)

    def form(self) -> None:
        """Flag what is against the form of mail, wherever it stands."""
        if not _USUAL & self.headers.keys():
            self.flag("no_headers")
        elif not self.headers.keys() >= REQUIRED:
            self.flag("headers_missing")
        if any(folds_over_nothing(str(value)) for value in self.headers.values()):
            self.flag("header_defects")
        self.header("reply-to")
        if is_bare_bounce(self.message):
            self.flag("bare_bounce")
        if is_broken(self.message, walk(self.message)):
            self.flag("mime_defects")

    def header(self, name: str) -> str | None:
        """A header as text on one line; None where it is absent or blank."""
        raw = self.headers.get(name, "")
        value = self.text_of(unfolded(raw, self.charset))
        if len(value) > MAX_HEADER:
            self.flag("header_cut")
            value = value[:MAX_HEADER]
        elif name != "message-id" and value:
            value = self.text_of(readable(name, value))
        return _one_line(value)

    def charset(self) -> str | None:
        """The character set of the first part that names one: raw bytes in the headers are in it at times."""
        try:
            return next(filter(None, map(charset_of, walk(self.message))), None)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - it decodes what the header says, in the character set it says
            return None

    def date(self) -> str | None:
        """The date in UTC as ISO 8601."""
        value = self.text_of(unfolded(self.headers.get("date", "")))[:200]
        if not value.strip():
            return None
        date, flag = instant(value)
        if flag:
            self.flag(flag)
        return date

    def body(self) -> Body:
        try:
            body = body_of(self.message)
        except RecursionError:
            self.flag("too_deep")
            body = Body("", (), (), "")
        self.flags |= dict.fromkeys(body.flags)
        if not body.text:
            self.flag("no_body")
        return body

    def attachments(self) -> Iterator[str]:
        room = _MAX_ATTACHMENTS
        for part in walk(self.message):
            name = self.filename(part)
            if name or part.get_content_disposition() == "attachment":
                name = self.named(name) or f"unnamed {part.get_content_type()}"
                room -= len(name)
                if room < 0:
                    self.flag("header_cut")
                    return
                yield name

    def filename(self, part: Message[Any, Any]) -> str:
        try:
            name = part.get_param("filename", None, "content-disposition") or part.get_param(
                "name", None, "content-type"
            )
            return self.text_of(filename(name))
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - see charset
            self.flag("header_defects")
            return ""

    def named(self, name: str) -> str | None:
        if len(name) > MAX_HEADER:
            self.flag("header_cut")
        return _one_line(self.text_of(readable("", name[:MAX_HEADER])))


def _one_line(text: str) -> str | None:
    return " ".join(text.encode("utf-8", "replace").decode().split()) or None
