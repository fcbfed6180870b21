"""`check`: whether this deployment can run a night: its stores, its connection, its model, its pool and its triggerer."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

import msgspec

from airflow_provider_claude.cli.locations import open_api, to_path, using_airflow
from airflow_provider_claude.cli.screen import Screen
from airflow_provider_claude.core.plan.cut_shards import MAX_SHARDS
from airflow_provider_claude.core.sql_uri import is_sql
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.errors import ClaudeError, DestinationError
from airflow_provider_claude.job.job import DEFAULT_MODEL
from airflow_provider_claude.masking import masked
from airflow_provider_claude.stages.plan.ask_model import ask_about
from airflow_provider_claude.store.check_store import check_store
from airflow_provider_claude.store.probe import probe

if TYPE_CHECKING:
    from airflow_provider_claude.gateway.client import Gateway

DESCRIPTION = """Checks what a run needs before it pays, and says in one line each what was found and what to do: the stores
of the work folder and of the output (write, read, list, remove, and 16 conditional writes of one file, of which exactly one may
succeed), the connection, the model, the pool of [claude] sync_pool, and the triggerers. All calls are free. What cannot be known
here is "unknown", and no failure. Ends with 1 where a check fails."""

Result = Literal["ok", "warning", "failed", "unknown"]

#: What a check found: how it went, and a sentence.
Found = tuple[Result, str]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What the check of `what` found."""

    what: str
    result: Result
    message: str


def add_arguments(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--work", metavar="WORK", help="the work folder (default: work in [claude] root)")
    parser.add_argument(
        "--output", metavar="OUTPUT", help="the root of the answers (default: answers in [claude] root)"
    )
    parser.add_argument("--model", metavar="MODEL", default=DEFAULT_MODEL, help="the model (default: %(default)s)")
    return parser


def check(work: str | None, output: str | None, model: str, conn_id: str, out: Screen, *, now: str) -> int:
    """Run all checks and show what each found. Returns the exit code."""
    findings = list(_findings(work, output, model, conn_id, now))
    failed = sum(one.result == "failed" for one in findings)
    out.document({"checks": findings, "failed": failed})
    out.table(("check", "result", "what was found"), [(one.what, one.result, one.message) for one in findings])
    return 1 if failed else 0


def _findings(work: str | None, output: str | None, model: str, conn_id: str, now: str) -> Iterator[Finding]:
    yield _finding("store", lambda: _store(work or f"{_root()}/work", "work"))
    yield _finding("output", lambda: _output(output or f"{_root()}/answers"))
    connection = _finding("connection", lambda: _connection(conn_id))
    yield connection
    if connection.result == "failed":
        yield Finding(what="model", result="unknown", message="The connection does not work.")
    else:
        yield _finding("model", lambda: _model(model, open_api(conn_id), now))
    yield _finding("pool", _pool)
    yield _finding("triggerer", _triggerer)


def _finding(what: str, found: Callable[[], Found]) -> Finding:
    try:
        result, message = found()
    except (ClaudeError, OSError) as e:
        result, message = "failed", str(e)
    return Finding(what=what, result=result, message=masked(message))


def _root() -> str:
    with using_airflow("[claude] root"):
        from airflow_provider_claude.runtime.deployment import root

        return root()


def _store(uri: str, parameter: str) -> Found:
    folder = to_path(uri)
    probe(folder, parameter)
    try:
        check_store(folder, parameter)
    except DestinationError as e:
        if not _unsafe_allowed():
            raise
        return "warning", f"{e} It is True here."
    return "ok", f"{folder}: files are written, read, listed and removed, and of 16 writers of a new file one wins."


def _unsafe_allowed() -> bool:
    with using_airflow("[claude] allow_unsafe_store"):
        from airflow_provider_claude.runtime.paths import unsafe_store_allowed

        return unsafe_store_allowed()


def _output(uri: str) -> Found:
    if is_sql(uri):
        return "unknown", f"{uri} is a table: the plan of a run checks it."
    return _store(uri, "output")


def _connection(conn_id: str) -> Found:
    return "ok", f"{conn_id}: {open_api(conn_id).account()}."


def _model(model: str, api: Gateway, now: str) -> Found:
    """Whether *model* is there and takes batches, and the workspace does: by the Models API, and a list of its batches."""
    ready = ask_about(model, api, now=now)
    next(api.batches(since=epoch(now)), None)
    if not ready.takes_batches:
        return "failed", f"{model} takes no Message Batches. Write another model, or lane='sync'."
    if ready.model_id is None:
        return "unknown", " ".join(ready.notes)
    said = (*ready.notes, *ready.warnings)
    return "warning" if ready.warnings else "ok", " ".join((f"{model} is there and takes batches.", *said))


def _pool() -> Found:
    with using_airflow("Airflow's database"):
        from sqlalchemy.exc import SQLAlchemyError

        from airflow_provider_claude.runtime.deployment import pool_slots, sync_pool

        name = sync_pool()
        try:
            slots = pool_slots(name)
        except (SQLAlchemyError, ImportError, RuntimeError) as e:
            return "unknown", _unread(e)
    if slots is None:
        missing = f"There is no pool {name!r}, which [claude] sync_pool names, and its tasks would never run."
        return "failed", f"{missing} Make it: airflow pools set {name} 1 'One sync lane at a time'."
    return "ok", f"{name}: {slots} slots."


def _triggerer() -> Found:
    with using_airflow("Airflow's database"):
        from sqlalchemy.exc import SQLAlchemyError

        from airflow_provider_claude.runtime.deployment import live_triggerers, triggerer_capacity

        capacity = triggerer_capacity()
        try:
            alive = live_triggerers()
        except (SQLAlchemyError, ImportError, RuntimeError) as e:
            return "unknown", f"[triggerer] capacity is {capacity:,} here. {_unread(e)}"
    return triggerer_found(alive, capacity)


def triggerer_found(alive: int, capacity: int) -> Found:
    """What it means that *alive* triggerers run, each with room for *capacity* waits."""
    if not alive:
        return (
            "failed",
            "No triggerer runs: shards would never see the end of their batches. Start one: airflow triggerer.",
        )
    room = f"{alive} running, with room for {alive * capacity:,} waits"
    if alive * capacity < MAX_SHARDS:
        late = f"a run can have {MAX_SHARDS:,} shards, and those beyond that look at their batches later"
        return "warning", f"{room}; {late}. Raise [triggerer] capacity, or start another triggerer."
    return "ok", f"{room}; a run has at most {MAX_SHARDS:,} shards."


def _unread(error: Exception) -> str:
    return f"Airflow's database cannot be read here ({type(error).__name__}); run this where the scheduler runs."
