"""The destination is checked and claimed when a run is planned: nothing is spent before it is known to work."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from upath import UPath

from airflow_provider_claude.core.publish.destination import Destination, Holder
from airflow_provider_claude.errors import ClaudeError, DestinationError, StoreError
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.sinks.parquet import read_answers
from airflow_provider_claude.sinks.partition import Partition
from airflow_provider_claude.sources.source import open_source
from airflow_provider_claude.stages.load.run import load
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.stages.scan.run import scan
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from airflow_provider_claude.stages.submit.run import create
from airflow_provider_claude.store import RunFolder, probe
from airflow_provider_claude.store.probe import probe as try_out
from tests.stages.conftest import JOB, clock

TEXTS = [f"mail {n}" for n in range(12)]
DAILY = "2026-11-21T23:00:00Z/2026-11-22T23:00:00Z"


@dataclass(frozen=True, kw_only=True)
class Night:
    """A run under one root, whose answers go to `out`."""

    root: UPath
    gateway: Gateway
    dag: str = "mail"
    task: str = "sentiment.plan"
    interval: str | None = None
    partition: str | None = "2026-11-22"
    column: str = "day"
    output: str = "out"
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def run(self) -> RunFolder:
        return RunFolder(self.root / "work" / self.dag / self.task / (self.partition or "all"))

    @property
    def place(self) -> Partition:
        return Partition.at(self.root / self.output, self.column, self.partition)

    def plan(self, texts: list[str] = TEXTS) -> None:
        lines = [json.dumps({"id": f"{n}", "body": text}) for n, text in enumerate(texts)]
        (self.root / "mails").mkdir(parents=True, exist_ok=True)
        (self.root / "mails" / "day.jsonl").write_text("\n".join(lines))
        source = open_source(self.root / "mails", columns=["body"])
        scan(source, self.run, ScanSettings(text_columns=["body"]), clock=clock())
        holder = Holder(dag_id=self.dag, task_id=self.task, interval=self.interval)
        output = self.root / self.output
        settings = Settings(
            partition=self.partition,
            work=self.root / "work",
            output=output,
            destination=Destination(output=str(output), column=self.column, holder=holder, **dict(self.options)),
        )
        plan(self.run, JOB, self.gateway, settings=settings, clock=clock())

    def publish(self, texts: list[str] = TEXTS) -> None:
        self.plan(texts)
        self.finish()

    def finish(self) -> None:
        for spec in self.run.need_plan().shards[1:]:
            create(self.run.shard(spec.number), self.gateway, clock=clock())
            load(self.run.shard(spec.number), JOB, self.gateway, clock=clock())
        report(self.run, output=self.root / self.output, clock=clock())


@pytest.fixture
def night(gateway: Gateway, tmp_path: Path) -> Night:
    return Night(root=UPath(tmp_path), gateway=gateway)


@pytest.fixture
def cloud(gateway: Gateway, tmp_path: Path) -> Iterator[Night]:
    root = UPath(f"memory://{tmp_path.name}")
    yield Night(root=root, gateway=gateway)
    root.fs.rm(root.path, recursive=True)


def refused(night: Night, simulator: SimulatorProcess, said: str, texts: list[str] = TEXTS) -> str:
    """The plan is refused with *said*, before any call."""
    before = simulator.calls()
    with pytest.raises(DestinationError, match=said) as error:
        night.plan(texts)
    assert simulator.calls() == before
    return str(error.value)


class TestPlaces:
    @pytest.mark.parametrize(
        ("output", "said"),
        [
            ("work/answers", "lie in one another"),
            (".", "lie in one another"),
            ("mails/answers", "lies in the source"),
            ("file.txt", "There is a file where a folder has to be"),
            ("file.txt/answers", "There is a file where a folder has to be"),
        ],
    )
    def test_a_place_that_cannot_be_is_refused_before_anything_is_sent(
        self, night: Night, claude_simulator: SimulatorProcess, output: str, said: str
    ) -> None:
        (night.root / "file.txt").write_text("x")
        refused(replace(night, output=output), claude_simulator, said)

    def test_a_relative_path_is_refused(self) -> None:
        with pytest.raises(
            DestinationError, match="output is 'answers', a relative path, which is another folder for each"
        ):
            try_out(UPath("answers"), "output")

    def test_the_probe_leaves_nothing_behind(self, night: Night) -> None:
        night.plan()
        assert [path for path in Path(night.root.path).rglob("*") if "probe" in path.name] == []

    @pytest.mark.parametrize(
        ("number", "said"),
        [
            (errno.EACCES, "Let the workers' user write there"),
            (errno.EROFS, "read-only"),
        ],
    )
    def test_what_a_person_has_to_change_is_said_and_not_retried(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
    ) -> None:
        def fail(*_: object) -> None:
            raise OSError(number, "no")

        monkeypatch.setattr(probe, "write_bytes", fail)
        with pytest.raises(DestinationError, match=rf"Cannot write to output .*/out: no\..*{said}"):
            try_out(UPath(tmp_path / "out"), "output")

    @pytest.mark.parametrize(
        ("number", "said"), [(errno.ENOSPC, "The disk is full"), (errno.EDQUOT, "The quota is used up")]
    )
    def test_a_full_disk_is_said_and_tried_again_by_the_retries_of_the_task(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
    ) -> None:
        def fail(*_: object) -> None:
            raise OSError(number, "no")

        monkeypatch.setattr(probe, "write_bytes", fail)
        with pytest.raises(StoreError, match=rf"Cannot write to output .*/out: no\..*{said}: free some space"):
            try_out(UPath(tmp_path / "out"), "output")

    @pytest.mark.parametrize(
        ("error", "kind", "said"),
        [
            (FileNotFoundError("The specified bucket does not exist"), DestinationError, "Create the bucket"),
            (PermissionError("Access Denied"), DestinationError, "Let the workers' user write there"),
            (TimeoutError("no answer"), StoreError, "its connection work"),
            (RuntimeError("Unable to locate credentials"), StoreError, "its connection work"),
        ],
    )
    def test_an_object_store_that_refuses_says_why(
        self, cloud: Night, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[ClaudeError], said: str
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise error

        cloud.root.mkdir()
        monkeypatch.setattr(MemoryFileSystem, "put_file", fail)
        with pytest.raises(kind, match=rf"{error}\. Nothing was sent\. .*{said}"):
            try_out(cloud.root / "out", "output")


class TestOwner:
    @pytest.mark.parametrize("published", [True, False])
    def test_a_second_task_or_dag_with_the_same_output_is_refused_whether_the_first_has_published_or_not(
        self, night: Night, claude_simulator: SimulatorProcess, *, published: bool
    ) -> None:
        night.publish() if published else night.plan()
        refused(replace(night, task="topics.plan"), claude_simulator, "belongs to task sentiment.plan of DAG mail")
        refused(replace(night, dag="other"), claude_simulator, "belongs to task sentiment.plan of DAG mail")
        replace(night, dag="other", output="out2").plan()
        replace(night, dag="other", partition="2026-11-23").plan()

    def test_an_output_without_partitions_has_one_owner_too(
        self, night: Night, claude_simulator: SimulatorProcess
    ) -> None:
        whole = replace(night, partition=None)
        whole.publish()
        refused(replace(whole, dag="other"), claude_simulator, "belongs to task sentiment.plan of DAG mail")
        refused(night, claude_simulator, "holds a table without partitions")
        night = replace(night, output="out2")
        night.publish()
        refused(replace(night, partition=None), claude_simulator, "holds partitions by day")
        refused(replace(night, column="mailbox"), claude_simulator, "holds partitions by day")

    def test_it_changes_hands_where_that_is_asked_for_and_then_belongs_to_the_other(
        self, night: Night, claude_simulator: SimulatorProcess
    ) -> None:
        night.publish()
        other = replace(night, dag="other", options=(("take_over", True),))
        other.publish()
        assert other.place.manifest().holder.dag_id == "other"
        refused(night, claude_simulator, "belongs to task sentiment.plan of DAG other")
        replace(other, options=()).publish()

    def test_hours_in_a_partition_of_a_day_are_refused_and_in_one_of_their_own_are_not(
        self, night: Night, claude_simulator: SimulatorProcess
    ) -> None:
        first = replace(night, interval="2026-11-22T05:00:00Z/2026-11-22T06:00:00Z")
        first.publish()
        second = replace(night, interval="2026-11-22T06:00:00Z/2026-11-22T07:00:00Z")
        said = refused(second, claude_simulator, "the schedule is finer than the partition")
        assert "partition='{{ hour }}', partition_column='hour' and an output of its own" in said
        assert len(read_answers(night.root / "out")) == len(TEXTS)
        for hour in (first, second):
            key = hour.interval.partition(":")[0] + "+0000"
            replace(hour, column="hour", partition=key, output="hourly").publish()
        assert len(read_answers(night.root / "hourly")) == 2 * len(TEXTS)

    def test_one_task_does_not_publish_a_whole_day_and_its_hours_in_one_output(
        self, night: Night, claude_simulator: SimulatorProcess
    ) -> None:
        hour = replace(night, partition="2026-11-22T06+0100")
        for first, second in ((night, hour), (replace(hour, output="hours"), replace(night, output="hours"))):
            first.publish()
            refused(second, claude_simulator, "would hold its rows twice")
            assert len(read_answers(second.place.folder.parent)) == len(TEXTS)
        replace(hour, task="other.plan").publish()

    def test_reruns_backfills_and_runs_by_hand_of_a_day_replace_it_as_ever(self, night: Night) -> None:
        scheduled = replace(night, interval=DAILY)
        for run in (scheduled, scheduled, night, scheduled):
            run.publish()
        assert night.place.manifest().holder.interval == DAILY
        assert len(read_answers(night.root / "out")) == len(TEXTS)

    def test_files_that_no_run_has_a_record_of_are_not_replaced_unasked(
        self, night: Night, claude_simulator: SimulatorProcess
    ) -> None:
        (night.place.folder).mkdir(parents=True)
        (night.place.folder / "part-00000.parquet").write_bytes(b"theirs")
        refused(night, claude_simulator, "no run has a record of")
        (night.place.folder / "part-00000.parquet").rename(night.place.folder / "theirs.parquet")
        refused(night, claude_simulator, "'theirs.parquet', which is not an answer part")

    @pytest.mark.parametrize("name", ["day=2026-11-22", "_claude"])
    def test_a_file_in_the_place_of_a_folder_is_told(
        self, night: Night, claude_simulator: SimulatorProcess, name: str
    ) -> None:
        (night.root / "out").mkdir()
        (night.root / "out" / name).write_text("x")
        refused(night, claude_simulator, "is a file, and has to be a folder")

    def test_two_partitions_do_not_share_a_run_folder(self, night: Night) -> None:
        night.plan()
        record = night.run.need_plan()
        settings = Settings(partition="2026-11-23", work=night.root / "work")
        with pytest.raises(DestinationError, match="is the run folder of partition 2026-11-22"):
            plan(night.run, JOB, night.gateway, settings=settings, clock=clock())
        assert night.run.need_plan() == record


class TestShrinking:
    def test_a_source_that_was_wiped_or_cut_does_not_empty_a_published_day(
        self, night: Night, claude_simulator: SimulatorProcess
    ) -> None:
        night.publish()
        for left in ([], TEXTS[:5]):
            said = refused(night, claude_simulator, "holds 12 rows", left)
            assert "replace='always'" in said
        assert len(read_answers(night.root / "out")) == len(TEXTS)
        replace(night, options=(("replace", "always"),)).publish(TEXTS[:5])
        assert len(read_answers(night.root / "out")) == 5

    def test_another_source_is_refused_even_with_as_many_rows(
        self, night: Night, claude_simulator: SimulatorProcess
    ) -> None:
        night.publish()
        manifest = night.place.manifest()
        path = night.place.folder / "_claude_manifest.json"
        path.write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, source="/mail/2026-11-21")))
        refused(night, claude_simulator, "were read from /mail/2026-11-21; this run read .*/mails")

    def test_rows_that_got_no_answer_count_when_it_is_published(
        self, night: Night, claude_simulator: SimulatorProcess
    ) -> None:
        night.publish()
        path = night.place.folder / "_claude_manifest.json"
        path.write_bytes(msgspec.json.encode(msgspec.structs.replace(night.place.manifest(), rows=12)))
        night.plan()
        path.write_bytes(msgspec.json.encode(msgspec.structs.replace(night.place.manifest(), rows=900)))
        with pytest.raises(DestinationError, match="holds 900 rows, and this run has 12 rows"):
            night.finish()


def test_all_of_it_holds_on_an_object_store(cloud: Night, claude_simulator: SimulatorProcess) -> None:
    cloud.publish()
    cloud.publish()
    refused(replace(cloud, dag="other"), claude_simulator, "belongs to task sentiment.plan of DAG mail")
    refused(cloud, claude_simulator, "holds 12 rows, and this run has none", [])
    (cloud.root / "out" / "day=2026-11-23").joinpath("theirs.parquet").write_bytes(b"x")
    refused(replace(cloud, partition="2026-11-23"), claude_simulator, "which is not an answer part")
    assert len(read_answers(cloud.place.folder)) == len(TEXTS)
