"""`winmail.dat`: what Outlook sends to recipients whose mail program it takes for Outlook. (MS-OXTNEF)

Read with a few lines of our own: the library for it, tnefparse, loops as often as a number in the file says.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from airflow_provider_claude.sources.charset.decoding import decode
from airflow_provider_claude.sources.mail import mapi
from airflow_provider_claude.sources.mail.mapi import Properties, charset_of, entity

_SIGNATURE = 0x223E9F78
_BODY, _TITLE, _BEGINS, _PROPERTIES, _ATTACHMENT, _CODEPAGE = 0x800C, 0x8010, 0x9002, 0x9003, 0x9005, 0x9007

#: Bytes of a value by its type; those of 2 are followed by 2 more.
_SIZES = {0x02: 4, 0x03: 4, 0x04: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x0A: 4, 0x0B: 4, 0x14: 8, 0x40: 8, 0x48: 16}
_VARIABLE = frozenset({0x0D, mapi.TEXT, mapi.UNICODE, mapi.BINARY})


class _Attribute(NamedTuple):
    attached: bool
    number: int
    data: bytes


def entity_of(data: bytes) -> bytes | None:
    """The MIME entity that *data* stands for, attachments by their names alone; None where it holds nothing, or
    text that is not read.

    Raises JobError where the text is RTF and the extra `mail` is not installed, and ValueError where it is no TNEF.
    """
    attributes = list(_attributes(data))
    charset = next((_codepage(one.data) for one in attributes if one.number == _CODEPAGE), "cp1252")
    own = Properties({}, charset)
    for one in attributes:
        if one.number == _PROPERTIES:
            values = dict(_values(one.data))
            internet = values.get(mapi.INTERNET_CODEPAGE)
            own = Properties(values, charset_of(_number(internet[1])) if internet else charset)
    parts = own.parts() or [
        ("text/plain; charset=utf-8", decode(one.data.rstrip(b"\0"), charset)[0].encode("utf-8", "replace"))
        for one in attributes
        if one.number == _BODY and not one.attached
    ]
    names = list(_names(attributes, charset))
    return entity(parts, names) if parts or (names and mapi.RTF not in own.values) else None


def _names(attributes: list[_Attribute], charset: str) -> Iterator[str]:
    """The names of the attachments, long ones before short ones."""
    names: list[str] = []
    for one in attributes:
        if one.number == _BEGINS:
            names.append("unnamed")
        elif names and one.number == _TITLE and names[-1] == "unnamed":
            names[-1] = decode(one.data.rstrip(b"\0"), charset)[0]
        elif names and one.number == _ATTACHMENT:
            own = Properties(dict(_values(one.data)), charset)
            names[-1] = own.text(mapi.FILE_NAME, mapi.SHORT_NAME, mapi.NAME) or names[-1]
    return iter(names)


def _codepage(data: bytes) -> str:
    return charset_of(_number(data))


def _number(data: bytes) -> int:
    return int.from_bytes(data[:4], "little")


def _attributes(data: bytes) -> Iterator[_Attribute]:
    """The attributes, up to where the file ends or breaks off. Raises ValueError where it does in one with the text."""
    if len(data) < 6 or _number(data) != _SIGNATURE:
        raise ValueError("it is not TNEF")
    offset = 6
    while offset + 9 <= len(data):
        level, number, _, size = struct.unpack_from("<BHHI", data, offset)
        if offset + 9 + size > len(data) and level == 1 and number in {_BODY, _PROPERTIES}:
            raise ValueError("it ends inside its text: it was cut")
        yield _Attribute(level == 2, number, data[offset + 9 : offset + 9 + size])
        offset += 9 + size + 2


def _values(data: bytes) -> Iterator[tuple[int, tuple[int, bytes]]]:
    """The properties in *data*, the first value of each, up to where it breaks off. Each step takes bytes, or ends it."""
    offset = 4
    try:
        for _ in range(min(_number(data), len(data))):
            kind, number = struct.unpack_from("<HH", data, offset)
            offset += 4
            if number >= 0x8000:
                offset = _behind_name(data, offset)
            several, kind = kind & 0x1000, kind & 0x0FFF
            count = 1
            if several or kind in _VARIABLE:
                (count,) = struct.unpack_from("<I", data, offset)
                offset += 4
            if kind not in _VARIABLE:
                yield number, (kind, data[offset : offset + _SIZES[kind]])
                offset += _SIZES[kind] * count
                continue
            for nth in range(min(count, len(data))):
                (size,) = struct.unpack_from("<I", data, offset)
                if not nth:
                    yield number, (kind, data[offset + 4 : offset + 4 + size])
                offset += 4 + size + -size % 4
    except (struct.error, KeyError):
        return


def _behind_name(data: bytes, offset: int) -> int:
    """Where the value of a property begins that has a name."""
    kind, size = struct.unpack_from("<II", data, offset + 16)
    return offset + 24 + (size + -size % 4 if kind else 0)
