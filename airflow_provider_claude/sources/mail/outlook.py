"""Outlook's `.msg` files, which are compound files of properties, read through `olefile`. (MS-OXMSG)"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from email.parser import HeaderParser
from typing import Any

from airflow_provider_claude.extras import need
from airflow_provider_claude.sources.mail import mapi
from airflow_provider_claude.sources.mail.mapi import Properties, charset_of, entity, header

#: The largest property that is read, in bytes, and how many recipients and attachments.
_MAX_VALUE = 16 << 20
_MAX_FOLDERS = 2_000

_READ = (
    mapi.SUBJECT, mapi.HEADERS, mapi.BODY, mapi.HTML, mapi.RTF, mapi.SENDER, mapi.SENDER_ADDRESS, mapi.SENDER_SMTP,
    mapi.MESSAGE_ID, mapi.NAME, mapi.ADDRESS, mapi.SMTP, mapi.FILE_NAME, mapi.SHORT_NAME,
)  # fmt: skip


def mail_of(data: bytes) -> bytes:
    """The Outlook message *data* as a mail. Raises JobError without the extra `mail`, and ValueError where it is none."""
    need("mail", "An Outlook message (.msg)")
    from olefile import OleFileIO

    try:
        with OleFileIO(io.BytesIO(data)) as ole:
            mail = _mail(ole) if ole.exists("__properties_version1.0") else None
    except MemoryError:
        raise
    except Exception as e:
        raise ValueError(f"{type(e).__name__}: {e}"[:200]) from e
    if mail is None:
        raise ValueError("it is another document in the same container")
    return mail


def _mail(ole: Any) -> bytes:
    fixed = _fixed(ole, "", 32)
    charset = _charset(fixed)
    own = _properties(ole, "", charset)
    folders = sorted({path[0] for path in ole.listdir(streams=True, storages=False)})[:_MAX_FOLDERS]
    names = [_properties(ole, f"{one}/", charset) for one in folders if one.startswith("__attach_version1.0_")]
    headers = HeaderParser().parsestr(own.text(mapi.HEADERS))
    written = {
        "From": headers.get("from") or _address(own, mapi.SENDER, (mapi.SENDER_SMTP, mapi.SENDER_ADDRESS)),
        "To": headers.get("to") or ", ".join(_recipients(ole, folders, charset, {1, None})),
        "Cc": headers.get("cc") or ", ".join(_recipients(ole, folders, charset, {2})),
        "Date": headers.get("date") or mapi.time_of(fixed.get(mapi.SENT, 0)),
        "Message-ID": headers.get("message-id") or own.text(mapi.MESSAGE_ID),
        "Subject": own.text(mapi.SUBJECT) or headers.get("subject", ""),
    }
    body = entity(own.parts(), [one.text(mapi.FILE_NAME, mapi.SHORT_NAME, mapi.NAME) or "unnamed" for one in names])
    return b"".join(header(name, str(value)) for name, value in written.items()) + b"MIME-Version: 1.0\r\n" + body


def _charset(fixed: dict[int, int]) -> str:
    return charset_of(fixed.get(mapi.INTERNET_CODEPAGE) or fixed.get(mapi.CODEPAGE) or 1252)


def _recipients(ole: Any, folders: list[str], charset: str, kinds: set[int | None]) -> Iterator[str]:
    for folder in folders:
        if folder.startswith("__recip_version1.0_") and _fixed(ole, f"{folder}/", 8).get(0x0C15) in kinds:
            yield _address(_properties(ole, f"{folder}/", charset), mapi.NAME, (mapi.SMTP, mapi.ADDRESS))


def _address(own: Properties, name: int, addresses: tuple[int, ...]) -> str:
    shown, address = own.text(name).replace('"', "'"), own.text(*addresses)
    return f'"{shown}" <{address}>' if shown and address and shown != address else address or shown


def _properties(ole: Any, prefix: str, charset: str) -> Properties:
    found = {}
    for number in _READ:
        for kind in (mapi.UNICODE, mapi.TEXT, mapi.BINARY):
            path = f"{prefix}__substg1.0_{number:04X}{kind:04X}"
            if number not in found and ole.exists(path) and ole.get_size(path) <= _MAX_VALUE:
                found[number] = (kind, ole.openstream(path).read())
    return Properties(found, charset)


def _fixed(ole: Any, prefix: str, start: int) -> dict[int, int]:
    """Numbers and times: entries of 16 bytes behind a header of *start* bytes."""
    path = f"{prefix}__properties_version1.0"
    data = ole.openstream(path).read(1 << 20) if ole.exists(path) else b""
    entries = (struct.unpack_from("<HHIQ", data, offset) for offset in range(start, len(data) - 15, 16))
    return {number: value if kind == 0x0040 else value & 0xFFFFFFFF for kind, number, _, value in entries}
