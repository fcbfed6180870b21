"""What the values of an Arrow column are as text, and in which type a carried column goes along.

    type                              as text                                  carried
    string, dictionary of it          itself                                   string
    binary                            decoded (the caller does that)           string
    fixed-size binary                 decoded, without the padding             string
    uuid, json, other text            itself, a UUID with hyphens              string
    bool, bool8                       `true`, `false`                          bool
    integers, floats, decimals        all digits, `nan`, `inf`                 their type; half floats as float32
    date, time                        ISO 8601                                 their type
    timestamp with a zone             local time and offset                    its type, its zone where Python knows it
    timestamp without                 as it stands                             its type
    duration                          the count of its unit                    its type
    null                              null                                     null

Lists, structs, maps and all other extension types have no text of their own: `refusal` says so.

Arrow's own casts are used where they are right. They are not for UUIDs, booleans of bytes, padded text, zones that are not in
the database of time zones, and local times before 1972, whose offset may be no whole minute: such instants are shown in UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_EXTENSION = b"ARROW:extension:name"
_UUID = "arrow.uuid"
_BOOL8 = "arrow.bool8"

_OFFSET = re.compile(r"(?:GMT|UTC|Z)?([+-](?:[01]\d|2[0-3])):?([0-5]\d)")

#: No zone had an offset with seconds from then on: Liberia was the last.
_WHOLE_MINUTES = datetime(1972, 6, 1, tzinfo=UTC)

#: Characters that no text holds, but bytes that are numbers do.
NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f]")


def extension_of(field: pa.Field) -> str | None:
    """The name of the extension type of *field*, whether or not this process knows that type."""
    if isinstance(field.type, pa.BaseExtensionType):
        return str(field.type.extension_name)
    name = (field.metadata or {}).get(_EXTENSION)
    return None if name is None else name.decode("utf-8", "replace")


def refusal(field: pa.Field) -> str | None:
    """Why the values of *field* cannot be sent or carried; None where they can."""
    extension, kind = extension_of(field), stored(field.type)
    if extension not in {None, _UUID, _BOOL8} and not is_text(kind):
        return f"is of the extension type {extension!r}, whose values are not text"
    if pa.types.is_nested(kind) or pa.types.is_interval(kind) or pa.types.is_union(kind):
        return f"is {str(kind)[:80]}, which is not text"
    return None


def stored(kind: pa.DataType) -> pa.DataType:
    """*kind* without what only says how its values are kept: extensions, dictionaries, runs."""
    if isinstance(kind, pa.BaseExtensionType):
        return stored(kind.storage_type)
    return stored(kind.value_type) if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind) else kind


def is_uuid(field: pa.Field) -> bool:
    return extension_of(field) == _UUID


def is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def is_bytes(kind: pa.DataType) -> bool:
    """Whether *kind* holds bytes of any length that may be text in any character set."""
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def carried(field: pa.Field) -> pa.DataType:
    """The type in which *field* is carried to the answers."""
    kind = stored(field.type)
    if extension_of(field) == _BOOL8:
        return pa.bool_()
    if is_text(kind) or is_bytes(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.string()
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_date64(kind):
        return pa.date32()
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return pa.timestamp(kind.unit, tz=zone(kind.tz))
    return kind


@lru_cache(maxsize=64)
def zone(name: str) -> str:
    """The time zone *name*, or its offset, in the spelling that Arrow and Python share; `UTC` for one that they do not know.

    An instant stays the same in any zone.
    """
    if offset := _OFFSET.fullmatch(name):
        return "UTC" if offset[2] == offset[1][1:] == "00" else f"{offset[1]}:{offset[2]}"
    try:
        ZoneInfo(name)
        pc.cast(pa.scalar(0, pa.timestamp("s", tz=name)), pa.string())
    except (ValueError, OSError, LookupError, pa.ArrowInvalid):
        return "UTC"
    return name


def typed(column: pa.Array, field: pa.Field) -> pa.Array:
    """The values of *column* in the type that `carried` has for *field*."""
    found = plain(column)
    return pc.not_equal(found, 0) if extension_of(field) == _BOOL8 else pc.cast(found, carried(field))


def text(column: pa.Array, field: pa.Field) -> pa.Array:
    """The values of *column* as text. Raises pa.ArrowInvalid where bytes are no UTF-8."""
    found, extension = plain(column), extension_of(field)
    if extension == _UUID:
        return _uuids(found)
    if extension == _BOOL8:
        found = pc.not_equal(found, 0)
    if pa.types.is_timestamp(found.type) and found.type.tz is not None:
        return _instants(found)
    found = pc.cast(found, pa.string())
    found.validate(full=True)
    return found


def unpadded(column: pa.Array) -> pa.Array:
    """The values of a fixed-size binary column without the blanks or NULs that fill them up."""
    return pa.array([None if value is None else value.rstrip(b"\0 ") for value in column.to_pylist()], pa.binary())


def holds_no_text(column: pa.Array) -> bool:
    """Whether a text of *column* holds characters that no text holds."""
    return bool(pc.any(pc.match_substring_regex(column, NOT_TEXT.pattern)).as_py())


def plain(column: pa.Array) -> pa.Array:
    """*column* without what only says how its values are kept."""
    while isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_dictionary(column.type):
        return plain(column.dictionary_decode())
    return plain(pc.run_end_decode(column)) if pa.types.is_run_end_encoded(column.type) else column


def _uuids(column: pa.Array) -> pa.Array:
    if len(column) == 0:
        return pa.array([], pa.string())
    data = np.frombuffer(column.buffers()[1], dtype="u1")[column.offset * 16 : (column.offset + len(column)) * 16]
    digits = data.tobytes().hex().encode()
    offsets = np.arange(0, 32 * len(column) + 1, 32, dtype="<i4")
    whole = pa.Array.from_buffers(pa.string(), len(column), [None, pa.py_buffer(offsets), pa.py_buffer(digits)])
    cuts = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
    parts = [pc.utf8_slice_codeunits(whole, start, stop) for start, stop in cuts]
    return pc.if_else(column.is_valid(), pc.binary_join_element_wise(*parts, "-"), pa.scalar(None, pa.string()))


def _instants(column: pa.Array) -> pa.Array:
    unit = column.type.unit
    utc, local = pa.timestamp(unit, tz="UTC"), pa.timestamp(unit, tz=zone(column.type.tz))
    instants = pc.cast(column, utc)
    old = pc.less(instants, pa.scalar(_WHOLE_MINUTES, utc))
    return pc.if_else(old, pc.cast(instants, pa.string()), pc.cast(pc.cast(column, local), pa.string()))
