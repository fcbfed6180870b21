"""Whether a store keeps what a run relies on: of many writers of one new file exactly one wins. Checked, not believed.

Some S3-compatible servers ignore the condition of a write, and answer that it succeeded. Two workers would then both send the
same shard, and it would be paid for twice.
"""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.errors import DestinationError, StateError
from airflow_provider_claude.store.files import list_names, remove, write_new
from airflow_provider_claude.store.probe import probe, step
from airflow_provider_claude.store.records.record import read_record, write_record
from airflow_provider_claude.store.records.run_records import StoreRecord

if TYPE_CHECKING:
    from upath import UPath

#: So many writers race for one file.
WRITERS = 16

#: For so long a passed check counts.
_SECONDS = 7 * 86_400.0

_NAME = "store.json"
_FILE = "race.json"


def check_work_store(work: UPath, now: str, *, unsafe: bool = False) -> tuple[str, ...]:
    """Check the store of the folder *work*: by `probe` each time, by `check_store` once a week. Returns warnings.

    *unsafe*: a store that does not obey conditional writes is used all the same, with a warning. Raises what these raise.
    """
    probe(work, "work")
    if _has_passed(work, now):
        return ()
    if unsafe:
        fault = store_fault(work, "work")
        if fault is not None:
            return (f"{fault} [claude] allow_unsafe_store accepts that.",)
    else:
        check_store(work, "work")
    write_record(work / _NAME, StoreRecord(place=_place(work), at=now))
    return ()


def check_store(folder: UPath, parameter: str) -> None:
    """Raise DestinationError where `store_fault` finds a fault; else what that raises."""
    if fault := store_fault(folder, parameter):
        raise DestinationError(
            f"{fault} Nothing was sent. Choose a folder on a local disk, Amazon S3, Google Cloud Storage, Azure, or another "
            "store that obeys If-None-Match; or accept the risk: set [claude] allow_unsafe_store to True."
        )


def store_fault(folder: UPath, parameter: str) -> str | None:
    """What is wrong with the conditional writes of the store of *folder*, None where nothing is: writers race for one new
    file, which is listed, read and removed. *parameter* is what a user calls *folder*.

    Raises DestinationError where one of these is not allowed, StoreError where it could not be done now.
    """
    place = folder / f"_claude_check-{secrets.token_hex(8)}"
    try:
        fault = _race(place, f"{parameter} {folder}")
    except BaseException:
        with suppress(Exception):  # the error that is on its way says more
            remove(place)
        raise
    with step(f"remove a file from {parameter} {folder}"):
        remove(place)
        _check_names(list_names(place), [])
    return fault


def _race(place: UPath, what: str) -> str | None:
    texts = [secrets.token_bytes(16) for _ in range(WRITERS)]
    with step(f"write a new file to {what} conditionally"), ThreadPoolExecutor(WRITERS) as pool:
        won = list(pool.map(partial(write_new, place / _FILE), texts))
    with step(f"list a file in {what}"):
        _check_names(list_names(place), [_FILE])
    with step(f"read from {what}"):
        held = (place / _FILE).read_bytes()
    if [text for text, mine in zip(texts, won, strict=True) if mine] == [held]:
        return None
    return (
        f"The store of {what} does not obey conditional writes: of {WRITERS} that created one new file at the same time "
        f"exactly one may succeed, and {sum(won)} did. Two workers could send the same rows, and both would be paid for."
    )


def _check_names(found: list[str], written: list[str]) -> None:
    if found != written:
        raise OSError(f"it lists {found or 'nothing'} where there is {written or 'nothing'}")


def _has_passed(work: UPath, now: str) -> bool:
    """Whether the store of *work* has passed the check within a week. A record that was copied here says nothing."""
    try:
        record = read_record(work / _NAME, StoreRecord)
    except StateError:
        return False
    return record is not None and record.place == _place(work) and 0 <= epoch(now) - epoch(record.at) < _SECONDS


def _place(work: UPath) -> str:
    """Which folder of which server *work* is."""
    return " ".join(filter(None, (str(getattr(work.fs, "endpoint_url", None) or ""), str(work))))
