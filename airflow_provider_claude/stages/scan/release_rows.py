"""Release: a person lets rows out of quarantine, and the next scan of the same source lets them through.

Each release is a record of its own, with who, when, which rows and why. Records are only added: to take a release back is
one, too.

A row is let through where its id, its place in the source and its texts are those of the row that was released; another
text in its place is judged as any other. Releases stay with the run folder: each scan of it heeds all of them.
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

#: What a person sees of a row in quarantine, and what chooses it.
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

#: Whoever writes a mail chooses its message id, and may choose another's.
_AMBIGUOUS = (
    "id:{name} means several rows in quarantine that do not say the same; nothing was released. Name the one that is meant "
    "by its place: place:<source_ref>, as the table in quarantine/ has it."
)

_BATCH_ROWS = 2_000

#: So much is kept of why, and so many rows are named in a sentence; the record has all.
_NOTE_CHARS, _NAMED = 500, 10


def read_quarantine(run: RunFolder) -> Iterator[dict[str, Any]]:
    """The rows in quarantine, SHOWN of each, in the order of the source."""
    for path in run.parts("quarantine"):
        for batch in read_batches(path, _BATCH_ROWS, list(SHOWN)):
            yield from batch.to_pylist()


def unmatched(run: RunFolder, terms: Sequence[str]) -> list[str]:
    """What to say of those of *terms* that mean no row in quarantine of *run*, a sentence each."""
    found = Unmatched(terms)
    for row in read_quarantine(run):
        found.see(row)
    return found.sentences()


class Act(NamedTuple):
    """Who releases (*by*), when (ISO 8601), and why. *run_id*: the Airflow run that was asked to, None for a command."""

    by: str
    at: str
    note: str = ""
    run_id: str | None = None


def release(run: RunFolder, terms: Sequence[str], act: Act) -> QuarantineRecord:
    """Let the rows of *run* that *terms* mean (see core.scan.selectors) through from the next scan on.

    Returns what was written down; a command writes nothing where no row is meant. An Airflow run releases by its
    terms once: where it is cleared, what has come into quarantine since stays there, and the first record is returned.
    Raises JobError for a term that is none, or an id that rows of different texts have, and StateError where *run* was not
    scanned.
    """
    selectors = Selectors.of(terms)
    run.need_scan()
    for done in _records(run).values() if act.run_id else ():
        if (done.run_id, done.selectors) == (act.run_id, list(terms)):
            return done
    rows, reasons, texts = [], Counter[str](), dict[str, str]()
    for row in read_quarantine(run):
        if selectors.releases(row):
            for name in selectors.named(row):
                if texts.setdefault(name, row["scan_text_hash"]) != row["scan_text_hash"]:
                    raise JobError(_AMBIGUOUS.format(name=name[:80]))
            rows.append(_released(row))
            reasons[row["reason"]] += 1
    record = _record(act, selectors=list(terms), by_reason=dict(reasons.most_common()), rows=rows)
    if rows or act.run_id:
        run.releases.append(record)
    return record


def withdraw(run: RunFolder, number: int, act: Act) -> QuarantineRecord:
    """Take release *number* of *run* back: the next scan judges its rows as any other, unless another release means them.

    Raises JobError where there is no such release, or it does not hold any more.
    """
    held = holding(run)
    if number not in held:
        there = f"There are {', '.join(map(str, held))}" if held else "There is none"
        raise JobError(f"{run} has no release {number} that holds. {there}.")
    record = _record(act, selectors=held[number].selectors, by_reason=held[number].by_reason, rows=[], withdraws=number)
    run.releases.append(record)
    return record


def _record(act: Act, **what: Any) -> QuarantineRecord:
    return QuarantineRecord(at=act.at, by=act.by, note=act.note.strip()[:_NOTE_CHARS], run_id=act.run_id, **what)


def holding(run: RunFolder) -> dict[int, QuarantineRecord]:
    """The releases of *run* that nobody has taken back, by number."""
    records = _records(run)
    gone = {record.withdraws for record in records.values()}
    return {number: one for number, one in records.items() if number not in gone and one.withdraws is None}


def acts(run: RunFolder) -> list[str]:
    """What people have done about the quarantine of *run*, a sentence each, the first act first."""
    return [_told(number, record) for number, record in _records(run).items() if record.rows or record.withdraws]


def _told(number: int, record: QuarantineRecord) -> str:
    who = f"{record.at[:19]}Z, {record.by}" + (f", run {record.run_id}" if record.run_id else "")
    why = f" Why: {record.note}" if record.note else ""
    if record.withdraws:
        return f"Release {record.withdraws} was taken back ({who}).{why}"
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in record.by_reason.items())
    names = ", ".join(row.item_id or row.source_ref for row in record.rows[:_NAMED])
    more = f" and {len(record.rows) - _NAMED:,} more" if len(record.rows) > _NAMED else ""
    asked = " ".join(record.selectors)
    return f"Release {number}, by {asked} ({who}): {reasons}; rows {names}{more}.{why}"


def _released(row: Mapping[str, Any]) -> ReleasedRow:
    return ReleasedRow(item_id=row["item_id"], source_ref=row["source_ref"], text_hash=row["scan_text_hash"])


def released_keys(run: RunFolder) -> frozenset[bytes]:
    """What the released rows of *run* are known by."""
    return frozenset(
        key_of(row.item_id, row.source_ref, bytes.fromhex(row.text_hash))
        for record in holding(run).values()
        for row in record.rows
    )


def _records(run: RunFolder) -> dict[int, QuarantineRecord]:
    read = ((number, run.releases.read(number)) for number in run.releases.numbers())
    return {number: record for number, record in read if record is not None}
