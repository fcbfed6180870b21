"""`trace`: where one row came from, what was asked about it, what came back, and where its answer is."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from airflow_provider_claude.cli.locations import find_runs
from airflow_provider_claude.cli.screen import Screen, counts, number, time, usd
from airflow_provider_claude.core.legible import excerpt
from airflow_provider_claude.core.row_trace import DUPLICATE, AttemptTrace, Ending, Rebuilt, RowTrace, Said
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.stages.trace.trace_row import trace
from airflow_provider_claude.store import RunFolder

if TYPE_CHECKING:
    from upath import UPath

DESCRIPTION = """Shows where one row of a run came from and what was done with it: its place in the source, the
verdicts of the scan, each request about it with its batch, times, cost and the model's own words, the checked answer, and where
that is published.

It reads run folders, and nothing else: not the API, not the DAG, not the source. With --request the request is made again from
these files, and its SHA-256 compared with the recorded one.

Exit codes: 0 found, and with --request each request is the recorded one; 1 not found, not readable, or a request that is not
the recorded one; 2 a wrong call."""

#: So much of what the model said is shown to people.
_TEXT = 2_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("item", metavar="ITEM_ID", help="the row's id, or its place in the source (source_ref)")
    parser.add_argument(
        "folder",
        metavar="FOLDER",
        nargs="?",
        default=".",
        help="a run folder, or one above it, such as the work folder (default: this one)",
    )
    parser.add_argument("--day", metavar="DAY", help="only runs of this partition, such as 2026-11-22")
    parser.add_argument("--request", action="store_true", help="make each request again, compare its hash, and show it")
    parser.add_argument(
        "--attempt", metavar="N", type=int, help="the attempt whose request is shown (default: the last that counts)"
    )
    parser.add_argument("--to", metavar="FILE", help="write the request, byte for byte, to this new file")


def show_trace(
    root: UPath,
    name: str,
    out: Screen,
    *,
    day: str | None = None,
    request: bool = False,
    attempt: int | None = None,
    to: str | None = None,
) -> int:
    """Print the rows called *name* of the runs at and under *root*. Returns the exit code: 1 where a request differs.

    Raises StateError where there is no such row, or no run can be read.
    """
    rows = _rows(root, name, out, day=day, requests=request or to is not None)
    if to is not None:
        _write(_one_request(rows, attempt), to)
    out.document({"item": name, "rows": rows})
    for row in rows:
        for line in _lines(row, to, attempt) if request or to else _lines_of(row):
            out.line(line)
    return 0 if all(row.is_proven for row in rows) else 1


def _rows(root: UPath, name: str, out: Screen, *, day: str | None, requests: bool) -> list[RowTrace]:
    found, errors, looked, runs = list[RowTrace](), list[StateError](), 0, list(find_runs(root))
    with out.watch("runs searched", len(runs)) as seen:
        for run in runs:
            try:
                if day is None or day in _days(run):
                    looked += 1
                    found += trace(run, name, requests=requests)
            except StateError as error:
                errors.append(error)
            seen(1)
    if not found:
        raise errors[0] if errors else StateError(_missing(root, name, day, looked))
    return found


def _days(run: RunFolder) -> tuple[str | None, str]:
    """What the partition of *run* is called: by its plan, and by its folder."""
    plan = run.plan()
    return plan.partition if plan else None, run.path.name


def _missing(root: UPath, name: str, day: str | None, looked: int) -> str:
    runs = "1 run" if looked == 1 else f"{looked:,} runs"
    which = f" of {day}" if day else ""
    return (
        f"No row is called {name!r} in the {runs}{which} at {root}: no id is, and no place in the source. "
        "`claude-batch runs` lists the runs of a work folder."
    )


def _one_request(rows: Sequence[RowTrace], attempt: int | None) -> Rebuilt:
    """The request to write. Raises StateError where there are several rows, or none was sent, or it cannot be made again."""
    if len(rows) != 1:
        raise StateError(
            f"{len(rows)} rows have this id; --to writes one request. Write the place of the row in the source."
        )
    chosen = _chosen(rows[0], attempt)
    if chosen is None or chosen.request is None:
        raise StateError(f"There is no request to write. {rows[0].not_asked}".strip())
    if chosen.request.params is None:
        raise StateError(f"The request cannot be made again. {chosen.request.why}")
    return chosen.request


def _chosen(row: RowTrace, attempt: int | None) -> AttemptTrace | None:
    if attempt is None:
        return row.answered_by
    return next((one for one in row.attempts if one.attempt == attempt), None)


def _write(request: Rebuilt, to: str) -> None:
    """Write the request to the new file *to*, which only its owner can read."""
    try:
        handle = os.open(Path(to), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as e:
        raise StateError(f"{to} already exists; it was not touched.") from e
    with os.fdopen(handle, "wb") as stream:
        stream.write((request.params or "").encode())


def _lines(row: RowTrace, to: str | None, attempt: int | None) -> Iterator[str]:
    yield from _lines_of(row)
    for one in (*row.attempts, *row.measured):
        if one.request is not None:
            yield f"request    attempt {one.attempt}{_probe(one)}: {_comparison(one.request)}"
    chosen = _chosen(row, attempt)
    if to is not None:
        yield f"request    written to {to}"
    elif chosen is not None and chosen.request is not None and chosen.request.params is not None:
        yield chosen.request.params
    yield ""


def _comparison(request: Rebuilt) -> str:
    if request.params is None:
        return f"CANNOT BE MADE AGAIN. {request.why}"
    if not request.same:
        return f"DIFFERS: its SHA-256 is {request.hash}, on record is {request.recorded_hash}. {request.why}"
    return f"made again, {number(request.bytes)} bytes; its SHA-256 is the recorded one, {request.hash}"


def _lines_of(row: RowTrace) -> Iterator[str]:
    yield f"row        {row.item_id or 'without an id'}"
    yield f"run        {row.run}" + (f", partition {row.partition}" if row.partition else "")
    yield f"source     {row.source}, {row.source_ref}"
    yield f"scan       {_verdict(row)}"
    for one in row.releases:
        why = f": {one.note}" if one.note else ""
        yield f"released   by {one.by}, {time(one.at, row.zone)}, release {one.number}{why}"
    if row.redacted:
        yield "redacted   tokens stand for personal data in its texts, also in the request"
    if row.became == DUPLICATE:
        like = "nearly the text" if row.near else "the very text"
        yield f"duplicate  it has {like} of {row.duplicate_of}, which was asked for both"
    if row.shard is not None:
        yield f"shard      {row.shard}, as item {number(row.ordinal)} of the run"
    if row.not_asked:
        yield f"not asked  {row.not_asked}"
    for attempt in (*row.attempts, *row.measured):
        yield from _attempt(attempt, row.zone)
    if row.ending is not None:
        yield from _ending(row.ending)
    yield f"cost       {usd_exactly(row.cost_usd)}{_shared(row)}"
    if row.published:
        yield f"published  {row.published}"
    elif row.ending is not None and row.ending.outcome == "succeeded":
        yield "published  no: `claude-batch show` of the run says why"


def _verdict(row: RowTrace) -> str:
    verdict = row.verdict
    flags = f"; flags: {', '.join(verdict.flags)}" if verdict.flags else ""
    score = "" if verdict.score is None else f"; score {verdict.score:.2f}"
    if verdict.reason is None:
        return f"{'suspect' if verdict.suspect else 'let through'}{score}{flags}"
    return f"set aside by layer {verdict.layer}: {verdict.reason}: {verdict.detail}{score}{flags}; excerpt: {verdict.excerpt}"


def _attempt(one: AttemptTrace, zone: str) -> Iterator[str]:
    whose = f" of {one.reused_from}, which paid for it" if one.reused_from else ""
    whose += " for an earlier plan, which no longer counts" if one.earlier else ""
    yield f"attempt {one.attempt}{whose}{_probe(one)}: {one.state} (round {one.round}, lane {one.lane}, {one.model})"
    batch = f"batch {one.batch_id}, " if one.batch_id else ""
    element = f", element {one.element} of {one.items} in it" if one.items > 1 else ""
    own = " for the row" if one.items > 1 else ""
    yield f"  sent as  {batch}custom id {one.custom_id}{element}; max_tokens {number(one.max_tokens)}{own}{_cached(one)}"
    yield f"  times    {_times(one, zone)}"
    if one.voided_because:
        yield f"  voided   {one.voided_because}"
    if one.said is None:
        yield "  result   none yet: the results that are here have no line about it"
    else:
        yield from _said(one.said)
    yield f"  hash     {one.request_hash}"


def _probe(one: AttemptTrace) -> str:
    return f" of probe {one.probe}, {one.purpose}" if one.probe else ""


def _cached(one: AttemptTrace) -> str:
    return f", cache marker of {one.cache}" if one.cache else ""


def _times(one: AttemptTrace, zone: str) -> str:
    moments = {"begun": one.begun_at, "sent": one.sent_at, "abandoned": one.abandoned_at, "ended": one.ended_at}
    return (
        ", ".join(f"{what} {time(at, zone)}" for what, at in moments.items() if at)
        or "not known: the run that asked is gone"
    )


def _said(said: Said) -> Iterator[str]:
    stop = f", stop_reason {said.stop_reason}" if said.stop_reason else ""
    message = f", message {said.message_id}" if said.message_id else ""
    reason = f": {said.reason}" if said.reason and not said.stop_reason else ""
    yield f"  result   {said.result}{stop}{message}{reason}"
    used = counts({name.replace("_", " "): count for name, count in msgspec.structs.asdict(said.tokens).items()})
    yield f"  cost     {usd_exactly(said.cost_usd)}; tokens: {used}"
    if said.text is not None:
        yield f"  said     {excerpt(said.text, _TEXT)}"
    if said.element is not None:
        yield f"  of it    {excerpt(said.element, _TEXT)}"


def _ending(ending: Ending) -> Iterator[str]:
    yield f"outcome    {ending.outcome}" + (f": {ending.reason}" if ending.reason else "")
    for name, value in (ending.answer or {}).items():
        yield f"  {name} = {_value(value)}"
    if ending.vote:
        yield f"  vote: {ending.vote}"
    flags: Mapping[str, Any] = ending.provenance or {}
    if flags.get("claude_flags"):
        yield f"  flags: {', '.join(flags['claude_flags'])}"


def _value(value: object) -> str:
    return excerpt(value if isinstance(value, str) else msgspec.json.encode(value).decode(), _TEXT)


def usd_exactly(amount: Decimal) -> str:
    """*amount* with all digits that a single row can cost."""
    return f"{usd(amount)} USD" if amount == amount.quantize(Decimal("0.0001")) else f"{amount.normalize():f} USD"


def _shared(row: RowTrace) -> str:
    if row.became == DUPLICATE:
        return ": its original's attempts were paid for once"
    return ", all attempts together" if len(row.attempts) > 1 else ""
