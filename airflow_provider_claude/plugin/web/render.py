"""The pages as HTML. Every value is made legible, bounded and escaped by the templates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from airflow_provider_claude.core.cost.estimate import usd
from airflow_provider_claude.core.report.page import environment, moment
from airflow_provider_claude.core.times import shown, zone_at
from airflow_provider_claude.core.view.drawings import Part, stack, timeline
from airflow_provider_claude.core.view.run_view import Flow, RunView, flow_of
from airflow_provider_claude.core.view.shards import ShardView, Stage, by_stage
from airflow_provider_claude.core.view.verdict import Level, Verdict, before_a_folder, verdict
from airflow_provider_claude.plugin import urls
from airflow_provider_claude.plugin.web.months import sums_of, total
from airflow_provider_claude.shipped import shipped

if TYPE_CHECKING:
    from jinja2 import Environment, Template

    from airflow_provider_claude.plugin.web.database import AirflowRun, Task
    from airflow_provider_claude.plugin.web.find import Found, Line, Runs
    from airflow_provider_claude.plugin.web.find_rows import Traced
    from airflow_provider_claude.plugin.web.months import Month

_TEMPLATES = (
    *("frame.html.j2", "run.html.j2", "parts.html.j2", "entry.html.j2", "error.html.j2"),
    *("row.html.j2", "look_up.html.j2"),
)

#: The stages by the class that colours them.
CLASSES = {
    Stage.NOT_SENT: "not-sent",
    Stage.SENDING: "sending",
    Stage.IN_BATCH: "in-batch",
    Stage.IN_SYNC: "in-sync",
    Stage.ENDED: "ended",
    Stage.AGAIN: "again",
    Stage.LOADED: "loaded",
    Stage.DONE: "done",
}

#: Shards that are listed at once; the rest, all of them loaded, unfolds.
_SHOWN = 40

_TITLES = {401: "You are not logged in", 403: "You may not see this", 404: "Not found"}


def run_page(found: Found, nights: Sequence[Line] = ()) -> str:
    """The page of a run, and of the *nights* before."""
    return _template("run.html.j2").render(**_context(found), nights=nights, day=_short_day)


def run_parts(found: Found) -> str:
    """What is inside the page, to take the place of what it shows."""
    return _template("parts.html.j2").render(**_context(found))


def entry_page(runs: Runs, month: Month, *, dag_id: str, chosen: bool) -> str:
    """The sum of *month*, and below it the newest runs by day, or those of the month where it was *chosen*. *dag_id*: those of
    one DAG, empty for all.
    """
    lines = runs.of_month if chosen else runs.newest
    days: dict[str, list[Line]] = {}
    for line in lines:
        days.setdefault(_day(line.listed.at), []).append(line)
    sums = sums_of((line.listed.dag_id, line.brief) for line in runs.of_month)
    return _template("entry.html.j2").render(
        days=days,
        dag_id=dag_id,
        count=len(lines),
        chosen=chosen,
        month=month,
        cut=runs.cut,
        sums=sums,
        total=total(sums),
        now=datetime.now(UTC),
        urls=urls,
        usd=usd,
    )


def row_page(traced: Traced) -> str:
    """Where a row comes from, and what was done with it."""
    return _template("row.html.j2").render(
        traced=traced, urls=urls, usd=usd, clock=lambda zone: partial(moment, zone=zone)
    )


def error_page(status: int, detail: str) -> str:
    title = _TITLES.get(status, "This did not work")
    return _template("error.html.j2").render(title=title, detail=detail, urls=urls)


def _context(found: Found) -> dict[str, Any]:
    run, view = found.run, found.view
    zone = view.zone if view else "UTC"
    shared = {"found": found, "run": run, "urls": urls, "usd": usd, "local": partial(_local, zone=zone)}
    if view is None:
        return {**shared, "view": None, "verdict": _without_view(found), "live": not run.side.is_over}
    said = verdict(view, run.side)
    flow = flow_of(view)
    first, folded = _in_order(view.shards)
    return {
        **shared,
        "view": view,
        "verdict": said,
        "live": not run.side.is_over,
        "flow": flow,
        "flow_stack": _flow_stack(flow) if flow else [],
        "stages": by_stage(view.shards),
        "classes": CLASSES,
        "shard_stack": stack({CLASSES[stage]: count for stage, count in by_stage(view.shards).items()}),
        "first": first,
        "folded": folded,
        "time": timeline(view),
        "at": partial(moment, zone=view.zone),
        "at_epoch": partial(_at_epoch, zone=view.zone),
        "task_of": _tasks_by_shard(run),
        "columns": _columns(view),
    }


def _without_view(found: Found) -> Verdict:
    if found.noted is None:
        return before_a_folder(found.run.side)
    return Verdict(level=Level.BAD, word="unreadable", headline="The run folder of this run cannot be read.")


def _flow_stack(flow: Flow) -> list[Part]:
    counts = {
        "answered": flow.answered,
        "open": flow.open,
        "aside": flow.quarantined,
        "failed": flow.failed,
        "lost": flow.lost,
    }
    return stack(counts)


def _in_order(shards: Sequence[ShardView]) -> tuple[list[ShardView], list[ShardView]]:
    """The shards that are not loaded first, all others after them; and those beyond the ones that are shown at once."""
    waiting = [shard for shard in shards if not shard.is_loaded]
    ordered = [*waiting, *(shard for shard in shards if shard.is_loaded)]
    shown_at_once = max(_SHOWN, len(waiting))
    return ordered[:shown_at_once], ordered[shown_at_once:]


def _tasks_by_shard(run: AirflowRun) -> dict[str, str]:
    """The page of the task instance to look at for each shard: one that has failed, else one that is at work, else the last."""
    found: dict[str, Task] = {}
    for one in _mapped(run.tasks):
        known = found.get(one.name)
        if known is None or _rank(one) >= _rank(known):
            found[one.name] = one
    return {name: urls.airflow_task(run.dag_id, run.run_id, one.task_id, one.map_index) for name, one in found.items()}


def _rank(task: Task) -> int:
    return {"failed": 3, "success": 1, "skipped": 1, None: 0}.get(task.state, 2)


def _mapped(tasks: Iterable[Task]) -> Iterable[Task]:
    return (one for one in tasks if one.map_index >= 0)


def _columns(view: RunView) -> list[dict[str, Any]]:
    """The labels of each column of labels: its share tonight, and in the earlier runs where the report has compared them."""
    if view.report is None:
        return []
    moved = {one.field: dict(one.moved) for one in view.report.drift}
    nights = {one.field: one.nights for one in view.report.drift}
    return [
        {
            "name": column.name,
            "nights": nights.get(column.name),
            "labels": [
                _label(value, count / max(sum(column.values.values()), 1), moved.get(column.name))
                for value, count in column.values.items()
            ],
        }
        for column in view.report.answers
        if column.values
    ]


def _label(value: str, share: float, moved: dict[str, float] | None) -> dict[str, Any]:
    before = None if moved is None else share - moved.get(value, 0.0)
    return {"value": value, "share": share, "before": before}


def _at_epoch(seconds: float, zone: str, form: str) -> str:
    moment = datetime.fromtimestamp(seconds, zone_at(zone))
    return shown(moment, form) if "%H" in form else moment.strftime(form)


def _local(at: datetime, zone: str) -> str:
    return shown(at.astimezone(zone_at(zone)), "%H:%M:%S")


def _short_day(at: datetime | None) -> str:
    return "not started" if at is None else f"{at:%a, %d %b %Y}"


def _day(at: datetime | None) -> str:
    return "not started" if at is None else f"{at:%A, %d %B %Y}"


@cache
def _environment() -> Environment:
    from jinja2 import DictLoader

    found = environment()
    found.loader = DictLoader({name: shipped(__package__, name).decode() for name in _TEMPLATES})
    found.filters["pct"] = lambda share: f"{share:.1%}"
    return found


def _template(name: str) -> Template:
    return _environment().get_template(name)
