"""The first line of the page: is the deadline safe, in words, with the number behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from airflow_provider_claude.core.report.ledger import rows
from airflow_provider_claude.core.report.summary import NOT_ASKED, PUBLISHED, PUBLISHING, Summary
from airflow_provider_claude.core.times import clock_in, duration, epoch
from airflow_provider_claude.core.view.run_view import Planned, RunView
from airflow_provider_claude.core.view.shards import Stage


class Level(StrEnum):
    """How much a person has to do about it."""

    GOOD = "good"
    BUSY = "busy"
    WATCH = "watch"
    BAD = "bad"


@dataclass(frozen=True, kw_only=True)
class AirflowSide:
    """What Airflow says of the run: its *state*, and its failed task instances, the first one first."""

    state: str = "running"
    failed: Sequence[str] = ()

    @property
    def is_over(self) -> bool:
        return self.state in {"success", "failed"}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The *word* of the state, the *headline*, and what else has to be known at once."""

    level: Level
    word: str
    headline: str
    details: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """All of it on one line, for a log."""
        return " ".join((self.headline, *self.details))


def verdict(view: RunView, airflow: AirflowSide) -> Verdict:
    """The verdict on the run of *view*."""
    found = _reported(view.report, airflow) if view.report is not None else _unreported(view, airflow)
    more = []
    if view.taken_over is not None:
        more.append(f"A later run uses this run folder, and this is what is in it now: {view.taken_over}.")
    elif view.report is not None and not airflow.is_over:
        more.append("Airflow still runs tasks of this run.")
    return replace(found, details=(*more, *found.details))


def reported(summary: Summary) -> Verdict:
    """The verdict of a report, whatever Airflow says of its run."""
    details = tuple(filter(None, (_published(summary), _in_time(summary))))
    if summary.problems:
        more = tuple(summary.problems[1:3])
        return Verdict(level=Level.BAD, word="red", headline=summary.headline, details=(*more, *details))
    if summary.publication == PUBLISHING:
        return Verdict(level=Level.BUSY, word="publishing", headline=summary.headline, details=details)
    if not summary.green:
        return Verdict(level=Level.BAD, word="not published", headline=summary.headline, details=details)
    level = Level.WATCH if summary.warnings or summary.deadline_met is False else Level.GOOD
    word = "late" if summary.deadline_met is False else "done"
    return Verdict(level=level, word=word, headline=summary.headline, details=details)


def _reported(summary: Summary, airflow: AirflowSide) -> Verdict:
    """The verdict of a report, beside what Airflow says: a task can fail after it was written, and while it publishes."""
    found = reported(summary)
    if summary.publication == PUBLISHING and airflow.is_over:
        headline = (
            "The publication was interrupted: the table may not have all answers. Clear the report task to complete it."
        )
        return replace(found, level=Level.BAD, word="not published", headline=headline)
    if airflow.failed and found.level in {Level.GOOD, Level.BUSY}:
        said = f"The task {airflow.failed[0]} failed in Airflow."
        level = Level.BAD if summary.publication == PUBLISHING else Level.WATCH
        return replace(found, level=level, details=(said, *found.details))
    return found


def _published(summary: Summary) -> str:
    if summary.publication == PUBLISHED and summary.published_rows is not None:
        return f"{rows(summary.published_rows)} are published."
    return "Nothing was to be published." if summary.publication == NOT_ASKED else ""


def _in_time(summary: Summary) -> str:
    """How long before the deadline, or after it, the last shard was loaded."""
    if summary.due is None or summary.loaded_at is None:
        return ""
    length = duration(abs(summary.due - epoch(summary.loaded_at)))
    side = "before" if summary.deadline_met else "after"
    return f"The last shard was loaded {length} {side} the deadline, {clock_in(summary.zone)(summary.due)}."


def _unreported(view: RunView, airflow: AirflowSide) -> Verdict:
    if airflow.failed:
        return _failed(view, airflow)
    if airflow.is_over:
        headline = f"The Airflow run has ended ({airflow.state}) without a report: nothing was published."
        return Verdict(level=Level.BAD if airflow.state == "failed" else Level.WATCH, word="ended", headline=headline)
    if view.scanned is None:
        return Verdict(
            level=Level.BUSY,
            word="scanning",
            headline="The scan reads the source, or has not begun. Nothing is sent yet.",
        )
    if view.planned is None:
        headline = f"{rows(view.scanned.rows)} were read, and are being planned. Nothing is sent yet."
        return Verdict(level=Level.BUSY, word="planning", headline=headline)
    return _running(view, view.planned)


def _failed(view: RunView, airflow: AirflowSide) -> Verdict:
    count = len(airflow.failed)
    tasks = f"The task {airflow.failed[0]} failed" + (f", and {count - 1:,} more after it" if count > 1 else "")
    headline = f"{tasks}."
    details = [_progress(view)] if view.shards else []
    if not airflow.is_over:
        details.append("Until it is cleared and has succeeded, its rows are not on their way: no deadline is safe.")
    return Verdict(level=Level.BAD, word="failed", headline=headline, details=tuple(details))


def before_a_folder(airflow: AirflowSide) -> Verdict:
    """The verdict on a run that has no run folder, because a task failed before it had one."""
    if not airflow.failed:
        headline = "A task failed before the run had a run folder, and is tried again. Nothing is sent yet."
        return Verdict(level=Level.WATCH, word="tried again", headline=headline)
    headline = (
        f"The task {airflow.failed[0]} failed before the run had a run folder: nothing was read, and nothing sent."
    )
    return Verdict(level=Level.BAD, word="failed", headline=headline)


def _running(view: RunView, plan: Planned) -> Verdict:
    said = _progress(view)
    if plan.held:
        level, word, headline = Level.WATCH, "held", plan.held
    elif all(shard.stage in {Stage.LOADED, Stage.DONE} for shard in view.shards):
        more = "What is left is settled, and the report counts the rows."
        level, word, headline = Level.BUSY, "reporting", f"{said} {more}"
    elif plan.due is None:
        level, word, headline = Level.BUSY, "running", f"{said} No deadline is set."
    else:
        level, word, more = _deadline(view, plan.due)
        headline = f"{said} {more}"
    details = (view.at_risk,) if view.at_risk else ()
    return Verdict(level=level, word=word, headline=headline, details=details)


def _deadline(view: RunView, due: float) -> tuple[Level, str, str]:
    """How the deadline *due* (epoch seconds) of a run with open shards stands: how bad, in a word, in a sentence."""
    clock = clock_in(view.zone)
    if view.now > due:
        return Level.BAD, "late", f"{clock(due)} has passed: {rows(view.open_rows)} of those that were asked are open."
    if view.outlook is None:
        only = f"No batch is abandoned for {clock(due)}: only the batches decide whether it is met."
        return Level.WATCH, "running", only
    safe = view.outlook.is_safe
    return Level.GOOD if safe else Level.WATCH, "on time" if safe else "at risk", view.outlook.sentence(clock)


def _progress(view: RunView) -> str:
    """By shards: a batch does not say how many of its requests are answered before it ends."""
    total = len(view.shards)
    return f"{view.loaded} of {total} shard{'' if total == 1 else 's'} loaded."
