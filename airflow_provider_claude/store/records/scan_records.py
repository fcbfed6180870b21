"""The records of a scan."""

from __future__ import annotations

from airflow_provider_claude.core.report.example import Example
from airflow_provider_claude.core.scan.origin import Origin
from airflow_provider_claude.store.records.record import Record

#: The names and forms of the files in a run folder. It is counted up where a folder of an earlier one can no longer be read.
LAYOUT = 1


class LayoutRecord(Record, frozen=True, kw_only=True):
    """scan.json, as far as every version of it can be read: 0 stands for the versions that did not number their layout."""

    layout: int = 0


class SourcedRecord(Record, frozen=True, kw_only=True):
    """What records say of a source: see Origin."""

    source: str
    format: str
    missing: bool = False
    foreign_files: int = 0
    foreign: list[str] = []

    @property
    def origin(self) -> Origin:
        return Origin(self.source, self.format, self.missing, self.foreign_files, self.foreign)


class ScanRecord(SourcedRecord, frozen=True, kw_only=True):
    """scan.json, of a run folder with this `layout`.

    `rows` = `items` + `quarantined` + `duplicates` + `lost`, and `quarantined` is the sum of `by_reason`.

    `lost` rows are in damaged regions of the source; of `uncounted` further regions the number of rows is not known. Of the
    `unreadable_files` the first are `unreadable`: the name and what is wrong. Where the source was `missing` there was no
    file; of the `foreign_files` beside those that were read, the first are `foreign`.

    `suspects` of the items are asked alone; `near_duplicates` of the duplicates are only similar to their originals.
    Cleaning `changed` so many of both by more than line ends; originals/ holds their texts as they came, unless they are
    redacted: `redacted` counts what tokens stand for, by kind. `gate` is the version of the rules and the model.
    `examples` are the first rows of each reason, cut.
    """

    layout: int = 0
    columns: list[str]
    carry: list[str]
    rows: int
    items: int
    quarantined: int
    duplicates: int
    lost: int = 0
    uncounted: int = 0
    unreadable_files: int = 0
    unreadable: list[str] = []
    suspects: int = 0
    near_duplicates: int = 0
    changed: int = 0
    gate: str = ""
    by_reason: dict[str, int]
    flagged: dict[str, int]
    redacted: dict[str, int] = {}
    examples: list[Example] = []
    part_rows: int
    started_at: str
    finished_at: str


class RedactionRecord(Record, frozen=True, kw_only=True):
    """redaction.json: the `key` of the tokens of a run folder, base64; or, where it is `sealed`, encrypted."""

    key: str
    sealed: bool
    at: str


class SplitsRecord(SourcedRecord, frozen=True, kw_only=True):
    """splits/splits.json: the names of the `files` of each split of a scan, in the order of the source."""

    files: list[list[str]]
    made_at: str


class SplitRecord(Record, frozen=True, kw_only=True):
    """splits/N/split.json: what was read of split N of the files that were divided at `split_at`, and set aside.

    `rows` are those without the `lost` ones; `lost` and what follows it as in scan.json.
    """

    rows: int
    changed: int
    lost: int = 0
    uncounted: int = 0
    unreadable_files: int = 0
    unreadable: list[str] = []
    gate: str
    by_reason: dict[str, int]
    flagged: dict[str, int]
    redacted: dict[str, int]
    split_at: str


class ReleasedRow(Record, frozen=True, kw_only=True):
    """A row that is let through: its id (if it has one), its position in the source, and the SHA-256 of its original texts."""

    item_id: str | None
    source_ref: str
    text_hash: str


class QuarantineRecord(Record, frozen=True, kw_only=True):
    """releases/N.json: the `selectors` with which a person released rows from quarantine, and the rows, by `reason`.

    `by` says who did it, and `note` why, if stated. `run_id` is the Airflow run that released them, None for a command.
    `withdraws`: the number of an earlier release that this one withdraws; it then releases nothing.
    """

    selectors: list[str]
    by_reason: dict[str, int]
    rows: list[ReleasedRow]
    at: str
    by: str
    note: str = ""
    run_id: str | None = None
    withdraws: int | None = None
