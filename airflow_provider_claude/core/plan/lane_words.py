"""What a user may write about the lanes. Imported when a DAG is parsed, so without pyarrow."""

from __future__ import annotations

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job.numbers import number

HOPELESS = ("warn", "fail")
LANES = ("auto", "batch", "sync")
REFUSED = ("fail", "sync")

#: Seconds: a margin or a lead of a whole day leaves no time.
_DAY = 86_399.0


def check_lanes(
    *, lane: str, hopeless: str, refused_batches: str, reserve: float, margin: float, lead: float | None
) -> None:
    """Raise JobError where one of these is no word or number that a plan knows, or two contradict each other."""
    for name, word, words in (
        ("lane", lane, LANES),
        ("refused_batches", refused_batches, REFUSED),
        ("hopeless", hopeless, HOPELESS),
    ):
        if word not in words:
            raise JobError(f"{name} is {word!r}: write one of {', '.join(words)}.")
    if lane == "batch" and refused_batches == "sync":
        raise JobError("lane='batch' keeps all rows out of the sync lane: leave it out, or refused_batches='sync'.")
    number("reserve", reserve, 0, 0.9)
    number("margin", margin, 0, _DAY)
    if lead is not None:
        number("lead", lead, 1, _DAY)
