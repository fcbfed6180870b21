"""Release: a person releases rows from quarantine, and the next scan of the same source lets them through.

Each release is a record of its own, with who, when, which rows and why. Records are only added: a withdrawal is a record, too.

A row is let through if its id, its position in the source and its texts are those of the released row; another text at that
position is scanned like any other. Releases stay with the run folder: each scan of it applies all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from airflow_provider_claude.core.scan.selectors import Selectors
from airflow_provider_claude.core.scan.unmatched_selectors import Unmatched
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.stages.scan.check_rows import key_of
from airflow_provider_claude.store import (
    QuarantineRecord,
    ReleasedRow,
    RunFolder,
)
from airflow_provider_claude.store.parquet_files import read_batches

#: The columns of a row in quarantine that a person sees, and those that selectors use.
SHOWN = (
    "item_id",
    "source_ref",
    "reason",
    "detail",
    "scan_layer",
    "scan_score",
    "scan_excerpt",
    "scan_text_hash",
    "flags",
    "lost_rows",
)

#: The author of a mail chooses its message id, and may copy another's.
_AMBIGUOUS = (
    "id:{name} matches several rows in quarantine with different texts; nothing was released. Name the right one "
    "by its position: place:<source_ref>, as the table in quarantine/ has it."
)

_BATCH_ROWS = 2_000

#: So much is kept of why, and so many rows are named in a sentence; the record has all.
_NOTE_CHARS, _NAMED = 500, 10


def read_quarantine(run: RunFolder) -> Iterator[dict[str, Any]]:
    """The rows in quarantine, SHOWN of each, in the order of the source."""
    for path in run.parts("quarantine"):
        for batch in read_batches(path, _BATCH_ROWS, list(SHOWN)):
            yield from batch.to_pylist()


def unmatched(run: RunFolder, selectors: Sequence[str]) -> list[str]:
    """A sentence for each of *selectors* that matches no row in quarantine of *run*."""
    found = Unmatched(selectors)
    for row in read_quarantine(run):
        found.see(row)
    return found.sentences()


class Act(NamedTuple):
    """Who releases (*by*), when (ISO 8601), and why. *run_id*: the Airflow run that was asked to, None for a command."""

    by: str
    at: str
    note: str = ""
    run_id: str | None = None


def release(run: RunFolder, selectors: Sequence[str], act: Act) -> QuarantineRecord:
    """Release the rows of *run* that *selectors* match (see core.scan.selectors), from the next scan on.

    Returns the record; a command writes none if no row matches. An Airflow run applies its selectors once: if it is
    cleared, rows quarantined since stay there, and the first record is returned. Raises JobError for an invalid selector, or
    an id that rows of different texts have, and StateError if *run* was not scanned.
    """
    parsed = Selectors.of(selectors)
    run.need_scan()
    for done in _records(run).values() if act.run_id else ():
        if (done.run_id, done.selectors) == (act.run_id, list(selectors)):
            return done
    rows, reasons, texts = [], Counter[str](), dict[str, str]()
    for row in read_quarantine(run):
        if parsed.releases(row):
            for name in parsed.named(row):
                if texts.setdefault(name, row["scan_text_hash"]) != row["scan_text_hash"]:
                    raise JobError(_AMBIGUOUS.format(name=name[:80]))
            rows.append(_released(row))
            reasons[row["reason"]] += 1
    record = _record(act, selectors=list(selectors), by_reason=dict(reasons.most_common()), rows=rows)
    if rows or act.run_id:
        run.releases.append(record)
    return record


def withdraw(run: RunFolder, number: int, act: Act) -> QuarantineRecord:
    """Withdraw release *number* of *run*: the next scan checks its rows like any other, unless another release covers them.

    Raises JobError if there is no such release, or if it was withdrawn.
    """
    held = holding(run)
    if number not in held:
        there = f"There are {', '.join(map(str, held))}" if held else "There is none"
        raise JobError(f"{run} has no release {number} in force. {there}.")
    record = _record(act, selectors=held[number].selectors, by_reason=held[number].by_reason, rows=[], withdraws=number)
    run.releases.append(record)
    return record


def _record(act: Act, **what: Any) -> QuarantineRecord:
    return QuarantineRecord(at=act.at, by=act.by, note=act.note.strip()[:_NOTE_CHARS], run_id=act.run_id, **what)


def holding(run: RunFolder) -> dict[int, QuarantineRecord]:
    """The releases of *run* that were not withdrawn, by number."""
    records = _records(run)
    gone = {record.withdraws for record in records.values()}
    return {number: one for number, one in records.items() if number not in gone and one.withdraws is None}


def acts(run: RunFolder) -> list[str]:
    """The releases and withdrawals of *run*, one sentence each, oldest first."""
    return [_sentence(number, record) for number, record in _records(run).items() if record.rows or record.withdraws]


def _sentence(number: int, record: QuarantineRecord) -> str:
    who = f"{record.at[:19]}Z, {record.by}" + (f", run {record.run_id}" if record.run_id else "")
    why = f" Why: {record.note}" if record.note else ""
    if record.withdraws:
        return f"Release {record.withdraws} was withdrawn ({who}).{why}"
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in record.by_reason.items())
    names = ", ".join(row.item_id or row.source_ref for row in record.rows[:_NAMED])
    more = f" and {len(record.rows) - _NAMED:,} more" if len(record.rows) > _NAMED else ""
    asked = " ".join(record.selectors)
    return f"Release {number}, by {asked} ({who}): {reasons}; rows {names}{more}.{why}"


def _released(row: Mapping[str, Any]) -> ReleasedRow:
    return ReleasedRow(item_id=row["item_id"], source_ref=row["source_ref"], text_hash=row["scan_text_hash"])


def released_keys(run: RunFolder) -> frozenset[bytes]:
    """The keys of the released rows of *run*."""
    return frozenset(
        key_of(row.item_id, row.source_ref, bytes.fromhex(row.text_hash))
        for record in holding(run).values()
        for row in record.rows
    )


def _records(run: RunFolder) -> dict[int, QuarantineRecord]:
    read = ((number, run.releases.read(number)) for number in run.releases.numbers())
    return {number: record for number, record in read if record is not None}
