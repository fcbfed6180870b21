"""Runs in the hands of a person who looks: what Airflow's database says of them, and run folders with hostile texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import structs
from upath import UPath

from airflow_provider_claude.core.active_run import ActiveRun
from airflow_provider_claude.core.consistency.agreement import Interval
from airflow_provider_claude.core.consistency.asked_again import AskedAgain, Differing, FieldAgreement
from airflow_provider_claude.core.consistency.drift import Drift
from airflow_provider_claude.core.consistency.golden import Golden, GoldenField
from airflow_provider_claude.core.consistency.measured import Measured
from airflow_provider_claude.core.report.summary import Summary
from airflow_provider_claude.plugin.web import database
from airflow_provider_claude.plugin.web.database import AirflowRun, Listed, Noted, Task
from airflow_provider_claude.store import ActiveRecord, QuarantineRecord, ReleasedRow, RunFolder
from tests.stages.run_folder import Night, Shard, at, build

#: What authors of mails, labels, ids and files try on those who look at them.
HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><a href=javascript:alert(1)>x</a></svg>",
    "\"><iframe srcdoc='<script>alert(1)</script>'>",
    "' onmouseover='alert(1)' style='position:fixed",
    '=HYPERLINK("http://evil.example","x")',
    "\u202egnp.exe\u2066 and \u200binvisible \x1b[31m",
    "{{ 7777 * 7777 }}{% for x in [] %}",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "</main><script>alert(1)</script><main>",
    "x" * 1_000_000,
)


END = datetime(2026, 11, 22, 6, tzinfo=UTC)


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
        at: datetime | None = None,
    ) -> None:
        failed = [task for task in tasks if task.state == "failed"]
        retried = [task for task in tasks if task.state == "up_for_retry"]
        ended = None if state == "running" else END
        self.runs[dag_id, run_id] = AirflowRun(
            dag_id=dag_id,
            run_id=run_id,
            state=state,
            started=at,
            ended=ended,
            tasks=tasks,
            failed=failed,
            retried=retried,
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
        patch.setattr(database, "noting", lambda _, dag_ids: dag_ids & {dag for dag, _ in self.runs})
        patch.setattr(database, "latest", self._latest)

    def _latest(
        self, _: Any, dag_ids: set[str], count: int, span: tuple[datetime, datetime] | None = None
    ) -> list[Listed]:
        return [
            Listed(
                dag_id=dag,
                run_id=run,
                state=one.state,
                at=one.started,
                ended=one.ended,
                folder=next((noted.folder for noted in self.folders[dag, run]), ""),
                error=next((task.error for task in one.failed), ""),
            )
            for (dag, run), one in self.runs.items()
            if dag in dag_ids and (span is None or (one.started is not None and span[0] <= one.started < span[1]))
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


def hostile_summary(summary: Summary) -> Summary:
    """*summary* with hostile labels and ids also where a small night measures nothing."""
    whole = Interval(0.9, 0.8, 1.0)
    fields = [FieldAgreement(field=text, rows=9, same=8, agreement=whole, flips=[(text, text, 1)]) for text in HOSTILE]
    differing = [Differing(item_id=text, field=text, first=text, second=text) for text in HOSTILE]
    golden = Golden(
        asked=9,
        answered=9,
        baseline=HOSTILE[0],
        fields=[GoldenField(field=HOSTILE[1], rows=9, right=8, accuracy=whole)],
    )
    drift = [
        Drift(field=text, nights=14, divergence=1.0, psi=1.0, limit=0.1, moved=[(text, 0.5)])
        for text in ("sentiment", *HOSTILE)
    ]
    return structs.replace(
        summary,
        consistency=Measured(again=AskedAgain(asked=9, compared=9, fields=fields, differing=differing), golden=golden),
        drift=drift,
        published=HOSTILE[0],
        problems=[*HOSTILE],
        warnings=[*HOSTILE],
        releases=[*HOSTILE],
        unreadable=[*HOSTILE],
        source=HOSTILE[2],
    )


def hostile_release() -> QuarantineRecord:
    """A release by a person with such a name, of rows with such ids."""
    rows = [ReleasedRow(item_id=text, source_ref=text, text_hash="0") for text in HOSTILE]
    reasons = dict.fromkeys(HOSTILE, 1)
    return QuarantineRecord(
        selectors=[*HOSTILE], by_reason=reasons, rows=rows, at=at(2), by=HOSTILE[0], note=HOSTILE[1]
    )


def run_in(path: UPath, night: Night, run_id: str = "r1", dag_id: str = "nightly") -> RunFolder:
    """A run folder in which the run *run_id* of *dag_id* has been active."""
    run = build(path, night)
    active = ActiveRun(dag_id=dag_id, run_id=run_id, task="scan")
    run.actives.append(ActiveRecord(run=active, since=at(0), until=at(20), ended=True))
    return run
