"""Who a task is, and whether another run is alive: by Airflow's word, or by its process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from fsspec.implementations.memory import MemoryFileSystem
from upath import UPath

from airflow_provider_claude.core.active_run import ActiveRun
from airflow_provider_claude.errors import StoreError
from airflow_provider_claude.operators.create import ClaudeBatchCreateOperator
from airflow_provider_claude.runtime.hold_run import (
    FEW_SHARDS,
    Beats,
    _this_process,
    current,
    held,
    is_alive,
    keep_records_together,
    who,
)
from airflow_provider_claude.store import RunFolder
from airflow_provider_claude.store.record_pack import PACK


def context(run_id: str, state: Any = None) -> Any:
    """A task of *run_id*, to which Airflow says that any other run is in *state*."""

    def get_dagrun_state(dag_id: str, run_id: str) -> Any:
        if isinstance(state, Exception):
            raise state
        return state

    ti = SimpleNamespace(dag_id="d", run_id=run_id, task_id="create", map_index=3, try_number=2)
    ti.get_dagrun_state = get_dagrun_state
    return {"ti": ti}


@pytest.fixture
def shard(tmp_path: Path) -> str:
    path = tmp_path / "run" / "shards" / "00001"
    path.mkdir(parents=True)
    return str(path)


OPERATOR = ClaudeBatchCreateOperator(task_id="create", shard="s")


def test_a_task_says_who_it_is() -> None:
    me = who(context("r1"))
    assert (me.dag_id, me.run_id, me.task, me.attempt, me.process) == ("d", "r1", "create[3]", 2, "")


@pytest.mark.parametrize(
    ("state", "alive"),
    [("running", True), ("queued", True), ("success", False), ("failed", False), (RuntimeError("no such run"), None)],
)
def test_a_run_is_alive_as_long_as_airflow_says_so(state: Any, alive: bool | None) -> None:
    assert is_alive(ActiveRun(dag_id="d", run_id="r1"), context("r2", state)) is alive


def test_a_run_in_one_process_is_alive_as_long_as_that_is() -> None:
    here = _this_process()
    host, pid, started = here.split(" ")
    with subprocess.Popen([sys.executable, "-c", ""]) as other:
        other.wait()
    dead = [f"{host} {other.pid} {started}", f"{host} {pid} 1.00"]
    runs = [ActiveRun(dag_id="d", run_id="r", process=process) for process in (here, *dead, f"elsewhere {pid} 1.00")]
    assert [is_alive(run, context("r", "running")) for run in runs] == [True, False, False, None]


@pytest.mark.parametrize(
    ("state", "alive"), [("running", True), ("failed", False), (RuntimeError("no such run"), False)]
)
def test_an_earlier_run_of_this_very_process_has_ended_unless_airflow_says_that_it_is_running(
    state: Any, alive: bool
) -> None:
    earlier = ActiveRun(dag_id="d", run_id="r1", process=_this_process())
    assert is_alive(earlier, context("r2", state)) is alive


def test_the_tasks_of_another_run_are_deferred_and_those_of_the_same_are_not(shard: str) -> None:
    with held(OPERATOR, context("r1"), shard=shard):
        pass
    with held(OPERATOR, context("r1"), shard=shard) as active:
        assert active.number == 1
    with pytest.raises(TaskDeferred), held(OPERATOR, context("r2", "running"), shard=shard):
        pass
    with held(OPERATOR, context("r2", "failed"), shard=shard) as active:
        assert active.number == 2


def test_a_wait_says_that_its_run_goes_on(shard: str) -> None:
    run = RunFolder(UPath(shard).parent.parent)
    with held(OPERATOR, context("r1"), shard=shard):
        pass
    assert current(shard, context("r2")) is None
    number = current(shard, context("r1"))
    assert number == 1
    record = run.actives.read(1)
    assert record is not None
    old = record.until
    run.actives.file(1).write_text(run.actives.file(1).read_text().replace(old, "2026-01-01T00:00:00+00:00"))
    Beats(shard, number).beat()
    renewed = run.actives.read(1)
    assert renewed is not None
    assert renewed.until >= old


def test_an_operator_called_by_hand_holds_the_folder_for_the_call_only(shard: str) -> None:
    with held(OPERATOR, {}, shard=shard), pytest.raises(TaskDeferred), held(OPERATOR, context("r1"), shard=shard):
        pass
    with held(OPERATOR, context("r1"), shard=shard) as active:
        assert active.number == 2


def test_a_process_of_another_container_with_the_same_host_name_is_not_taken_for_dead() -> None:
    machine, pid, started = _this_process().split(" ")
    assert machine != machine.split("/")[0], "the host name alone says little"
    other = ActiveRun(dag_id="d", run_id="r", process=f"{machine.split('/')[0]}/boot/pid:[1] {pid} {started}")
    assert is_alive(other, context("r")) is None


def test_a_clock_that_is_set_does_not_make_a_process_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil

    here, boot = _this_process(), psutil.boot_time()
    monkeypatch.setattr(psutil, "boot_time", lambda: boot + 3600.0)
    monkeypatch.setattr(psutil._psplatform, "boot_time", lambda: boot + 3600.0)
    assert _this_process() == here


def test_a_record_that_cannot_be_read_fails_the_task_at_once_and_says_what_to_remove(shard: str) -> None:
    (Path(shard).parent.parent / "active.3.json").write_text("{")
    with (
        pytest.raises(AirflowFailException, match=r"active\.3\.json only records"),
        held(OPERATOR, context("r"), shard=shard),
    ):
        pass


def test_an_error_of_the_store_on_the_way_in_tells_no_key(shard: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: RunFolder) -> list[int]:
        raise OSError("403 for x-amz-signature=0123456789abcdef0123456789abcdef")

    monkeypatch.setattr(RunFolder, "actives", property(refuse))
    with pytest.raises(Exception, match="403") as error, held(OPERATOR, context("r"), shard=shard):
        pass
    assert "0123456789abcdef" not in str(error.value)


def test_a_shard_of_a_probe_holds_the_folder_of_its_run(shard: str) -> None:
    probe = Path(shard).parent.parent / "probes" / "packs-1f2e3d4c" / "shards" / "00001"
    with held(OPERATOR, context("r1"), shard=str(probe)):
        pass
    assert current(shard, context("r1")) == 1
    with pytest.raises(TaskDeferred), held(OPERATOR, context("r2", "running"), shard=shard):
        pass


def test_the_tasks_of_a_run_of_many_shards_keep_its_records_together(tmp_path: Path) -> None:
    for number in (FEW_SHARDS - 1, FEW_SHARDS):
        folder = tmp_path / "run" / "shards" / f"{number:05d}"
        folder.mkdir(parents=True)
        with held(OPERATOR, context("r1"), shard=str(folder)):
            pass
        assert (tmp_path / "run" / PACK).exists() is (number == FEW_SHARDS)


def test_a_task_succeeds_although_its_records_cannot_be_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> bool:
        raise StoreError("no answer")

    monkeypatch.setattr("airflow_provider_claude.runtime.hold_run.keep_pack", fail)
    folder = tmp_path / "run" / "shards" / "00099"
    folder.mkdir(parents=True)
    with held(OPERATOR, context("r1"), shard=str(folder)) as active:
        assert active.number == 1


def test_a_store_that_does_not_answer_while_records_are_packed_ends_no_task(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: Any, **__: Any) -> None:
        raise RuntimeError("the connection was closed")  # as botocore's errors, it is no OSError

    monkeypatch.setattr(MemoryFileSystem, "info", refuses)
    keep_records_together(RunFolder(UPath("memory://packed/run")), FEW_SHARDS)
