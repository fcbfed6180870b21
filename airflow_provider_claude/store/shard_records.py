"""The records of shards that a reader of a whole run needs, by their names in a snapshot."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from airflow_provider_claude.store.records.attempt_records import (
    AbandonedRecord,
    EndedRecord,
    IntentRecord,
    LeaseRecord,
    SubmittedRecord,
)
from airflow_provider_claude.store.records.load_records import LoadedRecord, SettledRecord
from airflow_provider_claude.store.records.record import Record
from airflow_provider_claude.store.snapshot import Snapshot

#: By the word in their names.
_KINDS: Mapping[str, type[Record]] = {
    "intent": IntentRecord,
    "submitted": SubmittedRecord,
    "ended": EndedRecord,
    "abandoned": AbandonedRecord,
    "loaded": LoadedRecord,
    "settled": SettledRecord,
    "lease": LeaseRecord,
}
_NAME = re.compile(r"shards/\d+/(?:\d+\.)?([a-z]+)(?:\.\d+)?\.json")


def records_of_shards(snapshot: Snapshot) -> Iterator[tuple[str, type[Record]]]:
    """The names of those in *snapshot*, with what each is; see `Snapshot.read_ahead`."""
    for name in snapshot.files:
        match = _NAME.fullmatch(name)
        if match and match[1] in _KINDS:
            yield name, _KINDS[match[1]]
