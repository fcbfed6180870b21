"""Where a mail breaks the form of mail (RFC 5322 for headers, RFC 2045 and 2046 for parts), as far as the reader can see.

Only faults that honest mail programs never make count: missing types, a missing MIME-Version where there is one part, and
empty headers, which honest senders also produce, are not faults here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.message import Message
from typing import Any

from airflow_provider_claude.sources.charset.decoding import lookup

#: The headers without which there is no mail.
REQUIRED = frozenset({"from", "date"})

ADDRESSES = frozenset({"from", "to", "cc", "reply-to", "sender"})
_TYPE = re.compile(r"\s*[\w!#$&^.+-]+/[\w!#$&^.+-]+\s*(?:;|\(|\Z)", re.ASCII)
_ENCODING = re.compile(
    r"\s*(?:7bit|8bit|binary|base64|quoted-printable|(?:x-)?uuencode|x-uue?)\s*(?:\([^()]*\)\s*)?", re.IGNORECASE
)
_BLANK_FOLD = re.compile(r"\n[ \t]*\r?(?:\n|\Z)")
_NO_ADDRESS = re.compile(r"\A\s*,|,\s*,|,\s*\Z|<\s*>")
_QUOTED = re.compile(r'"[^"]*"')
_CHARSETS = re.compile(r"=\?([^?*\s]{1,40})(?:\*[^?]{0,20})?\?[bq]\?", re.IGNORECASE)
_BROKEN_ESCAPE = re.compile(r"=(?![0-9A-Fa-f]{2}|[ \t]*(?:\r?\n|\Z))")
_DAEMON = re.compile(r"\bmailer-daemon@", re.IGNORECASE)
_POSTMASTER = re.compile(r"\bpostmaster@", re.IGNORECASE)

#: So many charsets of one header are looked up: to look for one that is not there takes time and memory.
_MAX_CHARSETS = 10


def folds_over_nothing(value: str) -> bool:
    """Whether the header *value*, with its folds, has a line of blanks, which ends the header for some readers."""
    return "\n" in value and _BLANK_FOLD.search(value) is not None


def has_odd_words(name: str, value: str) -> bool:
    """Whether the header *name* lists an address that is none, or *value* names a charset that is none."""
    if name in ADDRESSES and _NO_ADDRESS.search(_QUOTED.sub("x", value)):
        return True
    charsets = list(dict.fromkeys(_CHARSETS.findall(value)))[:_MAX_CHARSETS]
    return any(lookup(charset) is None for charset in charsets)


def is_bare_bounce(message: Message[Any, Any]) -> bool:
    """Whether *message* comes from a mail server, and not in the form of a report.

    An empty envelope sender alone says nothing: an out-of-office reply has none either.
    """
    if message.get_content_type() == "multipart/report":
        return False
    sender = str(message.get("From", ""))
    empty = "<>" in {str(message.get(name, "")).strip() for name in ("Return-Path", "X-Envelope-From")}
    return _DAEMON.search(sender) is not None or (empty and _POSTMASTER.search(sender) is not None)


def is_broken(message: Message[Any, Any], parts: Iterable[Message[Any, Any]]) -> bool:
    """Whether *message* has parts without saying so, or one of its *parts* is built or encoded against the standard."""
    if message.is_multipart() and message.get_content_maintype() == "multipart" and "MIME-Version" not in message:
        return True
    return any(_is_odd(part) or not _is_encoded_well(part) or part.defects for part in parts)


def _is_odd(part: Message[Any, Any]) -> bool:
    """Whether *part* does not declare its type or encoding in a standard way, so that a default was used."""
    kind, encoding = part.get("Content-Type"), part.get("Content-Transfer-Encoding")
    return (kind is not None and not _TYPE.match(str(kind)[:300])) or (
        encoding is not None and not _ENCODING.fullmatch(str(encoding)[:300])
    )


def _is_encoded_well(part: Message[Any, Any]) -> bool:
    """Whether *part* is in the encoding it names. That of base64 is among its defects once it was decoded."""
    payload = part.get_payload()
    if not isinstance(payload, str):
        return True
    match str(part.get("Content-Transfer-Encoding", ""))[:300].strip().lower():
        case "quoted-printable":
            return payload.isascii() and _BROKEN_ESCAPE.search(payload) is None
        case "base64":
            part.get_payload(decode=True)
    return True
