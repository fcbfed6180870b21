"""Airflow's side of "one active run per run folder": which task this is, whether another run is alive, and the heartbeat."""

from __future__ import annotations

import logging
import os
import random
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_claude.core.active_run import BEAT_SECONDS, ActiveRun
from airflow_provider_claude.errors import ClaudeError, PendingError
from airflow_provider_claude.runtime.note_folder import note_folder
from airflow_provider_claude.runtime.now import epoch_now, utc_now
from airflow_provider_claude.runtime.paths import run_folder, shard_folder
from airflow_provider_claude.runtime.task_errors import defer_for, task_errors
from airflow_provider_claude.store.record_pack import keep_pack

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

    from airflow_provider_claude.stages.active.enter import Active
    from airflow_provider_claude.store import RunFolder

_log = logging.getLogger(__name__)

#: Shards whose records are few enough to be read one by one, and seconds between two packs of the records of more: somewhere
#: between these, so that of many tasks that end at once one writes it.
FEW_SHARDS, PACK_SECONDS = 32, (30.0, 90.0)

#: States in which an Airflow run has come to its end.
_OVER = frozenset({"success", "failed"})


@contextmanager
def held(
    operator: BaseOperator,
    context: Context,
    *,
    run: str | None = None,
    shard: str | None = None,
    method_name: str = "resume",
    since: float | None = None,
) -> Iterator[Active]:
    """Hold the run folder *run*, or that of *shard*, for the run of *context* while the block lasts, and a while after.

    A task that is given the run folder notes it, for the page in the UI. Where another run is active in it, *operator* is
    deferred, and *method_name* looks again. *since*: see defer_for.
    """
    from airflow_provider_claude.stages.active.enter import enter

    folder = shard_folder(shard).run.main if shard else run_folder(run)
    try:
        with task_errors():
            active = enter(folder, who(context), alive=lambda other: is_alive(other, context), clock=utc_now)
    except PendingError as e:
        defer_for(operator, e, method_name, since=since)
        raise
    if run:
        note_folder(context, folder)
    done = threading.Event()
    threading.Thread(target=_beat_until, args=(done, active), daemon=True).start()
    try:
        yield active
    finally:
        done.set()
        if shard:
            keep_records_together(folder, shard_folder(shard).number)
        if "ti" not in context:  # called by hand: there is no run to hold the folder for
            active.close()


def keep_records_together(run: RunFolder, number: int) -> None:
    """Pack the records of *run* for its readers, now and then: by the tasks of the shards from FEW_SHARDS on, which only a run
    of many shards has. *number*: that of the task's shard.
    """
    if number < FEW_SHARDS:
        return
    try:
        keep_pack(run.path, every=random.uniform(*PACK_SECONDS), now=epoch_now())  # noqa: S311 - to spread the writers
    except (ClaudeError, OSError) as e:
        _log.info("Run folder %s: its records could not be packed: %s", run, e)


def _beat_until(done: threading.Event, active: Active) -> None:
    while not done.wait(BEAT_SECONDS):
        beat(active)


def beat(active: Active) -> None:
    """Record that the run is alive. A failure is tried again at the next beat."""
    try:
        active.beat()
    except (ClaudeError, OSError) as e:
        _log.warning("Run folder %s: the record of the active run could not be renewed: %s", active.run, e)


class Beats:
    """Heartbeat of a wait: the run with the record *number* is alive, in the run folder of *shard*; None: no record is kept."""

    def __init__(self, shard: str | None, number: int | None) -> None:
        self._shard, self.number, self._next = shard, number, 0.0

    def beat(self) -> None:
        """Record it, unless that was done a short while ago. Blocks."""
        from airflow_provider_claude.stages.active.enter import Active

        if self._shard is None or self.number is None or epoch_now() < self._next:
            return
        self._next = epoch_now() + BEAT_SECONDS
        beat(Active(run=shard_folder(self._shard).run.main, number=self.number, clock=utc_now))


def current(shard: str | None, context: Context) -> int | None:
    """The number of the record that says that the run of *context* is active in the run folder of *shard*, if one does."""
    if shard is None:
        return None
    run = shard_folder(shard).run.main
    number, latest = run.actives.latest()
    return number if latest is not None and latest.run.is_run(who(context)) else None


def who(context: Context) -> ActiveRun:
    """The run and task of *context*; without a task instance, as where an operator is called by hand, this process."""
    ti: Any = context.get("ti")
    if ti is None:
        return ActiveRun(dag_id="no DAG", run_id="by hand", host=socket.gethostname(), process=_this_process())
    mapped = f"[{ti.map_index}]" if ti.map_index is not None and ti.map_index >= 0 else ""
    return ActiveRun(
        dag_id=ti.dag_id,
        run_id=ti.run_id,
        task=f"{ti.task_id}{mapped}",
        attempt=int(getattr(ti, "try_number", 1)),
        host=socket.gethostname(),
        process=_this_process() if _lives_in_one_process() else "",
    )


def is_alive(other: ActiveRun, context: Context) -> bool | None:
    """Whether the run *other* is alive; None where that cannot be known.

    A process has one run after the other: an earlier one of this process has ended, unless Airflow says that it is running.
    """
    if other.process and other.process != _this_process():
        return _is_process(other.process)
    running = _is_running(other, context.get("ti"))
    return running if not other.process else running is True


def _is_running(other: ActiveRun, ti: Any) -> bool | None:
    """What Airflow says."""
    if not hasattr(ti, "get_dagrun_state"):
        return None
    try:
        state = ti.get_dagrun_state(dag_id=other.dag_id, run_id=other.run_id)
    except Exception as e:  # noqa: BLE001 - any of Airflow's, of its client or of the wire: then it is not known
        _log.info("The state of run %s of %s could not be read from Airflow: %s", other.run_id, other.dag_id, e)
        return None
    return str(getattr(state, "value", state)) not in _OVER


def _lives_in_one_process() -> bool:
    """Whether all tasks of this run live in this process, as with `airflow dags test` and `dag.test()`."""
    from airflow.sdk.execution_time import task_runner

    return type(getattr(task_runner, "SUPERVISOR_COMMS", None)).__name__ == "InProcessSupervisorComms"


def _this_process() -> str:
    """This process: the machine in which its id means something, its id, its start."""
    return f"{_machine()} {os.getpid()} {_started(os.getpid())}"


def _is_process(process: str) -> bool | None:
    machine, pid, started = process.split(" ")
    return _started(int(pid)) == started if machine == _machine() else None


def _machine() -> str:
    """The host, and on Linux its boot and the container: two hosts of one name have separate processes."""
    host_facts = [socket.gethostname()]
    with suppress(OSError):
        host_facts += [
            Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
            str(Path("/proc/self/ns/pid").readlink()),
        ]
    return "/".join(host_facts)


def _started(pid: int) -> str:
    """When the process *pid* was started; empty where there is none. On Linux since the boot: setting the clock changes
    nothing.
    """
    import psutil  # type: ignore[import-untyped]

    try:
        process = psutil.Process(pid)
        since = psutil.boot_time() if sys.platform == "linux" else 0.0
        return "" if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time() - since:.1f}"
    except psutil.NoSuchProcess:
        return ""
