"""A notifier is called for the task that failed first, and later tasks point at it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_claude.core.task_ref import TaskRef
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.failure import Failure, blaming_the_first, by_task, first_in_the_way, refuse_old_plan

ABOVE = {
    "scan": frozenset[str](),
    "screen.plan": frozenset({"scan"}),
    "rescan": frozenset({"scan", "screen.plan"}),
    "plan": frozenset({"rescan"}),
    "shard.create": frozenset({"plan"}),
    "shard.load": frozenset({"shard.create"}),
    "report": frozenset({"rescan", "shard.load"}),
}
GREEN = {"scan": "success", "screen.plan": "success", "rescan": "success", "plan": "success"}


class Ti(SimpleNamespace):
    """A task instance that knows the states of its run."""

    def get_task_states(self, *, dag_id: str, run_ids: list[str]) -> dict[str, Any]:
        assert (dag_id, run_ids) == ("nightly", ["r 1"])
        return {"r 1": self.states}


def context(task_id: str, states: dict[str, str], map_index: int = -1, error: str = "") -> Any:
    tasks = {name: SimpleNamespace(upstream_task_ids=set(above)) for name, above in ABOVE.items()}
    ti = Ti(dag_id="nightly", run_id="r 1", task_id=task_id, map_index=map_index, states=states)
    return {"ti": ti, "dag": SimpleNamespace(task_dict=tasks), "exception": RuntimeError(error)}


@pytest.mark.parametrize(
    ("task_id", "map_index", "states", "first"),
    [
        ("scan", -1, {}, None),
        ("report", -1, {"scan": "failed", "rescan": "upstream_failed", "plan": "upstream_failed"}, ("scan", -1)),
        ("report", -1, GREEN | {"plan": "failed", "shard.load": "upstream_failed"}, ("plan", -1)),
        (
            "report",
            -1,
            GREEN | {"plan": "failed", "shard.create": "upstream_failed", "shard.load": "upstream_failed"},
            ("plan", -1),
        ),
        (
            "report",
            -1,
            GREEN | {"shard.create_0": "success", "shard.create_2": "failed", "shard.load_2": "upstream_failed"},
            ("shard.create", 2),
        ),
        ("shard.load", 3, GREEN | {"shard.create_3": "success", "shard.load_1": "failed"}, ("shard.load", 1)),
        ("plan", -1, GREEN | {"screen.plan": "failed"}, None),  # the sift did without the screening
    ],
)
def test_the_first_failed_task_on_the_way_is_found(
    task_id: str, map_index: int, states: dict[str, str], first: tuple[str, int] | None
) -> None:
    assert first_in_the_way(task_id, map_index, ABOVE, by_task(states, ABOVE)) == first


def test_the_message_has_the_task_its_map_index_its_error_and_its_log() -> None:
    failure = Failure.of(context("shard.load", GREEN, 3, "StateError: the file\nis gone."))
    assert failure is not None
    assert failure.message == (
        "The task shard.load[3] of nightly, run r 1, failed: StateError: the file is gone. "
        "Its log: http://localhost:8080/dags/nightly/runs/r%201/tasks/shard.load/mapped/3"
    )


def test_a_task_that_failed_because_of_another_has_nothing_to_tell() -> None:
    assert Failure.of(context("report", {"scan": "failed", "rescan": "upstream_failed"})) is None


def test_an_error_that_follows_from_an_earlier_failure_names_that_first() -> None:
    with pytest.raises(StateError, match=r"^The task scan failed first.*/tasks/scan\. Here: no run folder"):
        raise_in(context("report", {"scan": "failed", "rescan": "upstream_failed"}))
    with pytest.raises(StateError, match=r"^no run folder$"):
        raise_in(context("report", GREEN))


def raise_in(given: Any) -> None:
    with blaming_the_first(given):
        raise StateError("no run folder")


@pytest.mark.parametrize("run_id", ["r 0", "r 1"])
def test_after_a_failed_scan_an_earlier_plan_is_not_reported(run_id: str) -> None:
    failed = context("report", {"scan": "failed", "plan": "upstream_failed"}) | {"run_id": "r 1"}
    with pytest.raises(StateError, match=f"an earlier one, of {run_id}"):
        refuse_old_plan(TaskRef(run_id=run_id, task_id="plan"), failed)


@pytest.mark.parametrize("run_id", [None, "r 0", "r 1"])
def test_a_plan_after_which_nothing_failed_is_reported(run_id: str | None) -> None:
    refuse_old_plan(TaskRef(run_id=run_id, task_id="plan"), context("report", GREEN) | {"run_id": "r 1"})
