"""A third answer to the rows whose first two differ: which of the three counts.

The vote is on whole answers, so that a published answer is always one that the model gave: a label never stands beside the
reason of another one. Two answers are the same where all their labels and booleans are; numbers and texts come with the answer
that counts. Where the output has only numbers, the answer in the middle counts, of one number the median of the three.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import median
from typing import Any

import msgspec

from airflow_provider_claude.core.consistency.comparable import Comparable

#: Digits behind the point by which two answers are equally far from the middle.
_DIGITS = 9

Fields = Mapping[str, Comparable]
Answer = Mapping[str, Any]


class Ballot(msgspec.Struct, frozen=True, kw_only=True):
    """The column `claude_votes`: the three *answers* in the order in which they were asked, as far as they can be compared, and
    the *messages* that gave them. The one with the number *published*, from 1, is in the table; it is the first in a *tie*.
    """

    answers: list[dict[str, Any]]
    messages: list[str | None]
    published: int
    tie: bool = False

    def sentence(self) -> str:
        """Which answer is in the table."""
        why = ", as all three differ" if self.tie else ""
        return f"of three answers, number {self.published} is in the table{why}"


class Voted(msgspec.Struct, frozen=True, kw_only=True):
    """What the votes of a run have done: of *differing* rows with two different answers, *voted* have a third one. It *changed*
    so many answers; *ties* had three different ones. `why_not` says why there is none of the others.
    """

    differing: int
    voted: int = 0
    changed: int = 0
    ties: int = 0
    why_not: str = ""

    def sentence(self) -> str:
        if not self.differing and self.why_not:
            return f"There was no vote: {self.why_not.rstrip('.')}."
        if not self.differing:
            return "No row that was asked a second time got another answer, so there was nothing to vote about."
        said = (
            f"Of {self.differing:,} rows with two different answers, {self.voted:,} have a third one: the majority changed "
            f"{self.changed:,} of the published answers; {self.ties:,} have three different ones, and keep the first."
        )
        return said if not self.why_not else f"{said} The others keep the first answer: {self.why_not.rstrip('.')}."


def vote_fields(fields: Fields) -> Fields:
    """Those of *fields* that are voted about: labels and booleans; numbers where there is nothing else."""
    return {name: kind for name, kind in fields.items() if not kind.numbers} or fields


def differ(fields: Fields, one: Answer, other: Answer) -> bool:
    """Whether *one* answer and the *other* differ in what is voted about."""
    return not all(kind.same(one[name], other[name]) for name, kind in vote_fields(fields).items())


def ballot(fields: Fields, answers: Sequence[Answer], messages: Sequence[str | None]) -> Ballot:
    """The vote of three *answers* to one row, of which the first two differ."""
    chosen = _chosen(vote_fields(fields), answers)
    return Ballot(
        answers=[{name: one[name] for name in fields} for one in answers],
        messages=list(messages),
        published=1 if chosen is None else chosen + 1,
        tie=chosen is None,
    )


def _chosen(fields: Fields, answers: Sequence[Answer]) -> int | None:
    """Which answer counts, from 0; None where all differ."""
    if all(kind.numbers for kind in fields.values()):
        return min(range(len(answers)), key=lambda index: _from_the_middle(fields, answers, answers[index]))
    pairs = combinations(range(len(answers)), 2)
    return next((one for one, other in pairs if not differ(fields, answers[one], answers[other])), None)


def _from_the_middle(fields: Fields, answers: Sequence[Answer], answer: Answer) -> float:
    """How far *answer* is from the median of each number, in parts of its range; a null where most have a number is far."""
    far = sum(_distance(kind, [one[name] for one in answers], answer[name]) for name, kind in fields.items())
    return round(far, _DIGITS)


def _distance(kind: Comparable, values: Sequence[float | None], value: float | None) -> float:
    known = [one for one in values if one is not None]
    if len(known) <= len(values) / 2:
        return float(value is not None)
    span = kind.span or (max(known) - min(known)) or 1.0
    return 1.0 if value is None else abs(value - median(known)) / span
