"""Runs in the hands of a person who looks: what Airflow's database says of them, and run folders with hostile texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from upath import UPath

from airflow_provider_claude.core.active_run import ActiveRun
from airflow_provider_claude.plugin.web import database
from airflow_provider_claude.plugin.web.database import AirflowRun, Listed, Noted, Task
from airflow_provider_claude.store import ActiveRecord, RunFolder
from tests.stages.run_folder import Night, Shard, at, build

#: What authors of mails, labels, ids and files try on whoever looks at them.
HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><a href=javascript:alert(1)>x</a></svg>",
    "\"><iframe srcdoc='<script>alert(1)</script>'>",
    "' onmouseover='alert(1)' style='position:fixed",
    '=HYPERLINK("http://evil.example","x")',
    "\u202egnp.exe\u2066 and \u200binvisible \x1b[31m",
    "{{ 7 * 7 }}{% for x in [] %}",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "</main><script>alert(1)</script><main>",
    "x" * 1_000_000,
)


@dataclass
class Airflow:
    """The rows that Airflow's database would have."""

    runs: dict[tuple[str, str], AirflowRun] = field(default_factory=dict)
    folders: dict[tuple[str, str], list[Noted]] = field(default_factory=dict)
    shards: dict[tuple[str, int], str] = field(default_factory=dict)

    def add(
        self,
        run_id: str,
        folder: UPath | str,
        *,
        dag_id: str = "nightly",
        state: str = "success",
        tasks: Sequence[Task] = (),
    ) -> None:
        failed = [task for task in tasks if task.state == "failed"]
        self.runs[dag_id, run_id] = AirflowRun(
            dag_id=dag_id, run_id=run_id, state=state, started=None, ended=None, tasks=tasks, failed=failed
        )
        self.folders.setdefault((dag_id, run_id), []).append(Noted(task_id="sentiment.scan", folder=str(folder)))

    def take_place(self, patch: pytest.MonkeyPatch) -> None:
        """Answer in place of the database."""

        @contextmanager
        def session() -> Iterator[None]:
            yield None

        patch.setattr(database, "session", session)
        patch.setattr(database, "run_of", lambda _, *run: self.runs.get(run))
        patch.setattr(database, "noted", lambda _, *run: self.folders.get(run, []))
        patch.setattr(database, "shard_of", lambda _, dag, run, task, index: self.shards.get((task, index)))
        patch.setattr(database, "latest", self._latest)

    def _latest(self, _: Any, dag_ids: set[str], count: int) -> list[Listed]:
        return [
            Listed(
                dag_id=dag,
                run_id=run,
                state=one.state,
                at=None,
                ended=one.ended,
                folder=self.folders[dag, run][0].folder,
            )
            for (dag, run), one in self.runs.items()
            if dag in dag_ids
        ][:count]


def hostile_night() -> Night:
    """A night whose texts, ids, labels, reasons and sentences are hostile."""
    return Night(
        shards=[Shard(answered=6, failed={"refused": 3}), Shard(answered=4)],
        quarantined=dict.fromkeys(HOSTILE, 1),
        sentiments=[text[:70] for text in HOSTILE],
        texts=HOSTILE,
        ids=HOSTILE[0],
        partition=HOSTILE[1],
        explanation=HOSTILE,
        plan={"warnings": list(HOSTILE), "zone": HOSTILE[0][:40]},
    )


def run_in(path: UPath, night: Night, run_id: str = "r1", dag_id: str = "nightly") -> RunFolder:
    """A run folder in which the run *run_id* of *dag_id* has been active."""
    run = build(path, night)
    active = ActiveRun(dag_id=dag_id, run_id=run_id, task="scan")
    run.actives.append(ActiveRecord(run=active, since=at(0), until=at(20), ended=True))
    return run
