"""The JSON records of a run folder and of the work folder around it.

`None` from `read_record` means "there is no such record"; one that exists but cannot be read raises, because the two
must never be confused.
"""

from __future__ import annotations

import secrets
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import msgspec

from airflow_provider_claude.errors import StateError
from airflow_provider_claude.store.files import read_whole, write_bytes, write_new

if TYPE_CHECKING:
    from upath import UPath


_R = TypeVar("_R", bound=msgspec.Struct)

#: msgspec prepares a type when it is first decoded. Two threads that do so at once end the process (a segmentation fault,
#: seen with msgspec 0.22), and records are read by many.
_PREPARING = Lock()


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """One JSON file of a run folder. Times are ISO 8601 in UTC, money is a decimal string in USD."""


def read_record(path: UPath, kind: type[_R]) -> _R | None:
    """The record at *path*, None where there is no such file.

    Raises StateError where there is something, but not such a record, DestinationError where its bucket is missing,
    StoreError where an object store does not answer.
    """
    try:
        data = read_whole(path)
    except FileNotFoundError:
        return None
    return decode_record(path, kind, data)


def decode_record(path: UPath, kind: type[_R], data: bytes) -> _R:
    """The record that *data*, the bytes of *path*, is. Raises StateError where it is none."""
    try:
        with _PREPARING:
            decoder: msgspec.json.Decoder[_R] = _decoder(kind)
        return decoder.decode(data)
    except msgspec.MsgspecError as e:
        raise StateError(
            f"{path} is not a readable {kind.__name__} ({e}); nothing was guessed from it. If another version wrote "
            "scan.json or plan.json, clear the scan and plan tasks of this run: what is paid for is found again."
        ) from e


@cache
def _decoder(kind: type[_R]) -> msgspec.json.Decoder[_R]:
    return msgspec.json.Decoder(kind)


def write_record(path: UPath, record: Record) -> None:
    write_bytes(path, _bytes(record))


def write_new_record(path: UPath, record: Record) -> bool:
    """Write *record* unless the file is there already; whether it was written. See `write_new`.

    The file holds a random `nonce`, too, which no reader needs: by it this writer knows its own file.
    """
    return write_new(path, _bytes({**msgspec.to_builtins(record), "nonce": secrets.token_hex(8)}))


def _bytes(record: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"
