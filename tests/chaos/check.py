"""What must hold when the night is done: the ledger closes, every mail is there once, nothing is paid twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
from upath import UPath

from tests.chaos import audit
from tests.chaos.machine import Machine
from tests.chaos.night import DAY, Place
from tests.chaos.objects import Objects
from tests.chaos.processes import in_child

Answers = Mapping[str, str]


@dataclass(frozen=True)
class Rows:
    """What became of the rows of a night: the published answers by id, and the ids of all others."""

    answers: list[tuple[str, str]]
    aside: list[str]
    left: list[str]
    problems: list[str]
    #: Of the night, and of its screening.
    cost: Decimal


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a case must come to. *texts*: the mails by id. *answers*: by id, as a clean run has them; None where they
    depend on the case.

    *trial_again*: so often more than once may the synchronous call be billed. *again*: batched requests may be billed
    twice, if none was answered validly before (see `audit`). *doubled*: so many contents may be billed twice, and the report
    knows all of it.
    """

    texts: Mapping[str, str]
    answers: Answers | None = None
    trial_again: int = 0
    again: bool = False
    doubled: int = 0

    @property
    def exact(self) -> bool:
        """Whether the report has to know all that was billed, to the cent."""
        return not self.trial_again and not self.again


def read_rows(place: Place) -> Rows:
    """Read by Parquet alone, in a process of its own: no thread may be started in the one that forks."""
    rows: Rows = in_child(lambda: _read(place))
    return rows


def _read(place: Place) -> Rows:
    Objects.folder = place.objects
    report = json.loads((place.run / "report.json").read_bytes())
    return Rows(
        answers=[
            (row["item_id"], row["sentiment"])
            for part in sorted((place.output / f"day={DAY}").glob("part-*.parquet"))
            for row in _rows(part, ["item_id", "sentiment"])
        ],
        aside=[row["item_id"] for part in place.run.glob("quarantine/*.parquet") for row in _rows(part, ["item_id"])],
        left=[
            row["item_id"] for part in place.run.glob("shards/*/unresolved.parquet") for row in _rows(part, ["item_id"])
        ],
        problems=report["problems"],
        cost=sum((_cost(path) for path in place.work.glob(f"nightly/*/{DAY}/report.json")), Decimal(0)),
    )


def _cost(report: UPath) -> Decimal:
    return Decimal(json.loads(report.read_bytes())["costs"]["actual"])


def _rows(path: UPath, columns: list[str]) -> Any:
    with path.open("rb") as stream, pq.ParquetFile(stream) as file:
        return file.read(columns=columns, use_threads=False).to_pylist()


def wrong_rows(rows: Rows, expected: Expected) -> Iterator[str]:
    """What is lost, doubled or mistaken for another."""
    yield from (f"the report says: {one}" for one in rows.problems)
    if rows.left and not expected.again:
        yield f"{len(rows.left)} rows are without an answer"
    seen = Counter([name for name, _ in rows.answers] + rows.aside + rows.left)
    if lost := expected.texts.keys() - seen.keys():
        yield f"{len(lost)} rows are lost: {sorted(lost)[:3]}"
    if foreign := seen.keys() - expected.texts.keys():
        yield f"{len(foreign)} rows came from nowhere: {sorted(foreign)[:3]}"
    if doubled := [name for name, times in seen.items() if times > 1]:
        yield f"{len(doubled)} rows are there twice: {sorted(doubled)[:3]}"
    if expected.answers is not None:
        mistaken = [name for name, answer in rows.answers if expected.answers.get(name) != answer]
        if mistaken:
            yield f"{len(mistaken)} rows have another's answer: {sorted(mistaken)[:3]}"


def wrong_answers(rows: Rows, expected: Expected, given: Mapping[str, set[str]]) -> Iterator[str]:
    """What is published and was never answered so. *given*: the simulator's own answers, see `audit.given`."""
    compared = [(name, answer, given.get(expected.texts.get(name, ""))) for name, answer in rows.answers]
    if other := [name for name, answer, answers in compared if answers is not None and answer not in answers]:
        yield f"{len(other)} rows have an answer that was never given to their text: {sorted(other)[:3]}"


def wrong_cost(rows: Rows, books: Mapping[str, Any], expected: Expected) -> Iterator[str]:
    """The report may not know of an answer that was lost on its way; it never tells more than was billed."""
    billed = Decimal(books["total"]["cost_usd"])
    if rows.cost > billed or (expected.exact and rows.cost != billed):
        yield f"the report says that it cost {rows.cost} USD, and {billed} were billed"


def trial_paid_again(books: Mapping[str, Any]) -> int:
    """How often the synchronous call was billed beyond the first time."""
    return sum(one["by"].get("messages", 0) - 1 for one in books["same_content"]["examples"] if "messages" in one["by"])


def wrong_books(books: Mapping[str, Any], expected: Expected) -> Iterator[str]:
    """What was paid twice, and may not have been."""
    trial = trial_paid_again(books)
    if trial > expected.trial_again:
        yield f"the trial was billed {trial + 1} times"
    if expected.again:
        return
    if books["billed_twice"]["requests"]:
        yield f"{books['billed_twice']['requests']} requests were billed twice: {books['billed_twice']['examples'][:2]}"
    if (same := books["same_content"]["requests"] - trial) > expected.doubled:
        yield f"{same} contents were billed twice: {books['same_content']['examples'][:2]}"


def look(machine: Machine, place: Place, expected: Expected) -> tuple[list[str], Mapping[str, Any]]:
    """Everything that is wrong at *place*, and the books."""
    books = machine.books()
    try:
        rows = read_rows(place)
    except RuntimeError as error:
        return [f"the night's files cannot be read: {str(error).splitlines()[-1]}"], books
    given = audit.given(machine.state)
    found = [
        *wrong_rows(rows, expected),
        *wrong_answers(rows, expected, given),
        *wrong_books(books, expected),
        *([] if expected.again or expected.doubled else audit.paid_twice(machine.state)),
        *wrong_cost(rows, books, expected),
    ]
    return found, books
