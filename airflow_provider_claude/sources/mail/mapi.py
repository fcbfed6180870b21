"""What Outlook keeps of a mail, as MAPI properties, made a mail that the reader of mails reads like any other.

Properties are known by numbers; those of `.msg` files and of `winmail.dat` are the same. (MS-OXPROPS, MS-OXCMSG)
"""

from __future__ import annotations

import hashlib
from base64 import encodebytes
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import NamedTuple
from urllib.parse import quote

from airflow_provider_claude.sources.charset.decoding import decode
from airflow_provider_claude.sources.mail.rtf import text_of_rtf

SUBJECT, HEADERS, BODY, HTML, RTF = 0x0037, 0x007D, 0x1000, 0x1013, 0x1009
SENDER, SENDER_ADDRESS, SENDER_SMTP, MESSAGE_ID, SENT = 0x0C1A, 0x0C1F, 0x5D01, 0x1035, 0x0039
NAME, ADDRESS, SMTP, FILE_NAME, SHORT_NAME = 0x3001, 0x3003, 0x39FE, 0x3707, 0x3704
CODEPAGE, INTERNET_CODEPAGE = 0x3FFD, 0x3FDE

#: Types of values: text in the code page, text in UTF-16, bytes.
TEXT, UNICODE, BINARY = 0x001E, 0x001F, 0x0102

#: Charsets of Windows' code pages, where these are not `cp` and the number. (Code Page Identifiers)
_CHARSETS = {
    65001: "utf-8", 65000: "utf-7", 20127: "us-ascii", 20866: "koi8-r", 21866: "koi8-u", 932: "shift_jis", 936: "gbk",
    949: "euc-kr", 950: "big5", 54936: "gb18030", 50220: "iso-2022-jp", 50221: "iso-2022-jp", 50222: "iso-2022-jp",
    51932: "euc-jp", 51949: "euc-kr", 51936: "gb2312", **{28590 + n: f"iso-8859-{n}" for n in range(1, 17)},
}  # fmt: skip

#: Characters of a header, and names of attachments, that are kept.
_MAX_HEADER = 4_000
_MAX_NAMES = 1_000

_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


class Properties(NamedTuple):
    """Values as they came: their type and bytes, by number. *charset* is that of TEXT and of HTML in bytes."""

    values: Mapping[int, tuple[int, bytes]]
    charset: str = "cp1252"

    def text(self, *numbers: int) -> str:
        """The first of these values that is not blank, as text."""
        return next(filter(str.strip, map(self._text, numbers)), "")

    def _text(self, number: int) -> str:
        kind, data = self.values.get(number, (TEXT, b""))
        if kind not in {TEXT, UNICODE}:
            return ""
        text = data.decode("utf-16-le", "replace") if kind == UNICODE else decode(data, self.charset)[0]
        return text.rstrip("\0")

    def parts(self) -> list[tuple[str, bytes]]:
        """The texts of the mail, as alternatives of each other: their type, and UTF-8 or what the type says."""
        plain, html = self.text(BODY), self._html()
        if not plain and not html and RTF in self.values:
            plain = text_of_rtf(self.values[RTF][1])
        return [
            *([("text/plain; charset=utf-8", plain.encode("utf-8", "replace"))] if plain.strip() else []),
            *([html] if html else []),
        ]

    def _html(self) -> tuple[str, bytes] | None:
        kind, data = self.values.get(HTML, (BINARY, b""))
        if kind == BINARY:
            return (f"text/html; charset={self.charset}", data) if data.strip(b"\0\r\n ") else None
        return "text/html; charset=utf-8", self.text(HTML).encode("utf-8", "replace")


def charset_of(codepage: int) -> str:
    return _CHARSETS.get(codepage, f"cp{codepage}")


def time_of(ticks: int) -> str:
    """The Date header of a time in tenths of a microsecond since 1601; blank where there is none such."""
    try:
        return format_datetime(_EPOCH + timedelta(microseconds=ticks // 10)) if ticks else ""
    except OverflowError:
        return ""


def entity(parts: Sequence[tuple[str, bytes]], names: Sequence[str]) -> bytes:
    """A MIME entity of *parts*, alternatives of each other, and of attachments called *names*, whose content is left out."""
    whole = [_multipart("alternative", [_leaf(kind, data) for kind, data in parts])] if parts else []
    return _multipart("mixed", [*whole, *map(_attachment, names[:_MAX_NAMES])])


def header(name: str, value: str) -> bytes:
    line = " ".join(value[: 2 * _MAX_HEADER].split())[:_MAX_HEADER]
    return f"{name}: {line}\r\n".encode("utf-8", "replace") if line else b""


def _leaf(kind: str, data: bytes) -> bytes:
    head = f"Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode()
    return head + encodebytes(data).replace(b"\n", b"\r\n")


def _attachment(name: str) -> bytes:
    named = quote(" ".join(name.encode("utf-8", "replace").decode().split())[:200])
    return (
        "Content-Type: application/octet-stream\r\n"
        f"Content-Disposition: attachment; filename*=utf-8''{named}\r\n\r\n\r\n"
    ).encode()


def _multipart(kind: str, parts: Sequence[bytes]) -> bytes:
    if len(parts) == 1:
        return parts[0]
    edge = hashlib.sha256(b"".join(parts)).hexdigest()
    middle = b"".join(b"--%b\r\n%b\r\n" % (edge.encode(), part) for part in parts)
    return f'Content-Type: multipart/{kind}; boundary="{edge}"\r\n\r\n'.encode() + middle + f"--{edge}--\r\n".encode()
