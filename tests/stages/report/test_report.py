"""The report stage on real run folders: what it counts, writes, publishes, and refuses."""

from __future__ import annotations

import shutil
import tracemalloc
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
from selectolax.lexbor import LexborHTMLParser
from upath import UPath

from airflow_provider_claude.core.publish.destination import Destination, Holder
from airflow_provider_claude.core.report.summary import Summary
from airflow_provider_claude.core.report.thresholds import Thresholds
from airflow_provider_claude.errors import DestinationError, LedgerError, StateError, StoreError
from airflow_provider_claude.sinks import replacing
from airflow_provider_claude.sinks.parquet import read_answers
from airflow_provider_claude.sinks.partition import Partition
from airflow_provider_claude.stages.publish import run as publish_run
from airflow_provider_claude.stages.report import run as report_stage
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.store import RunFolder, write_bytes, write_record
from tests.stages.run_folder import ANSWER_SCHEMA, Night, Shard, at, build, write_answers, write_items, write_unresolved

NIGHT = Night(
    shards=(
        Shard(answered=1, lane="sync"),
        Shard(answered=58, failed={"refused": 1, "invalid": 1}, repeats=7),
        Shard(answered=40),
    ),
    quarantined={"prompt injection": 3, "empty": 2},
)


@pytest.fixture(params=["local", "memory"])
def root(request, tmp_path):
    if request.param == "local":
        yield UPath(tmp_path)
        return
    path = UPath(f"memory://{tmp_path.name}")
    yield path
    path.fs.rm(path.path, recursive=True)


@pytest.fixture
def here(tmp_path) -> UPath:
    return UPath(tmp_path)


def close(run: RunFolder, **options) -> Summary:
    options = {"output": run.path.parent / "out", "clock": lambda: at(400)} | options
    return report(run, **options)


def written(run: RunFolder) -> Summary:
    return msgspec.json.decode(run.file("report.json").read_bytes(), type=Summary)


class TestGreen:
    def test_everything_is_counted_written_and_published(self, root):
        run = build(root / "run", NIGHT)
        summary = close(run)
        ledger = summary.ledger
        assert (ledger.inputs, ledger.answered, ledger.quarantined_rows, ledger.failed_rows) == (113, 106, 5, 2)
        assert ledger.failed == {"invalid": 1, "refused": 1}
        assert ledger.quarantined == {"prompt injection": 3, "empty": 2}
        assert ledger.duplicates == 7
        assert written(run) == summary
        assert summary.published == str(root / "out" / "day=2026-11-22")
        assert len(read_answers(root / "out")) == 106

    def test_costs_are_split_by_lane_and_exact(self, here):
        costs = close(build(here / "run", NIGHT)).costs
        assert (costs.batch, costs.sync, costs.failed) == (Decimal("0.098"), Decimal("0.001"), Decimal("0.001"))
        assert costs.at_sync_rate == Decimal("0.198")
        assert costs.saved == Decimal("0.098")
        assert costs.estimated == Decimal("1.50")
        assert costs.tokens == {"input": 9900, "output": 990, "cache_read": 0, "cache_creation": 0}

    def test_only_the_answers_own_columns_are_summed_up(self, here):
        answers = {column.name: column for column in close(build(here / "run", NIGHT)).answers}
        assert list(answers) == ["sentiment", "urgent", "score", "summary"]
        assert sum(answers["sentiment"].values.values()) == 106
        assert answers["summary"].values is None
        assert answers["score"].numbers.greatest == 6

    def test_times_flags_and_examples_come_along(self, here):
        summary = close(build(here / "run", NIGHT))
        assert summary.loaded_at == at(2 + 2 * 0.7 + 54)
        assert summary.deadline_met
        assert summary.flags == {"long": 11, "hidden text": 5}
        assert {e.reason for e in summary.quarantine_examples} == {"prompt injection", "empty"}
        assert {e.reason for e in summary.failure_examples} == {"refused", "invalid"}
        assert summary.quarantine_examples[0].excerpt == "Where is my order?"

    def test_a_second_report_gives_the_same_files(self, here):
        run = build(here / "run", NIGHT)
        close(run)
        first = run.file("report.html").read_bytes(), run.file("report.json").read_bytes()
        close(run)
        assert (run.file("report.html").read_bytes(), run.file("report.json").read_bytes()) == first

    def test_without_an_output_nothing_is_published(self, here):
        summary = close(build(here / "run", NIGHT), output=None)
        assert summary.green
        assert summary.published is None

    def test_without_a_partition_the_parts_lie_directly_in_the_output(self, here):
        close(build(here / "run", replace(NIGHT, partition=None)))
        parts = [f"part-0000{n}.parquet" for n in range(3)]
        assert sorted(p.name for p in (here / "out").iterdir()) == ["_claude", "_claude_manifest.json", *parts]
        assert len(read_answers(here / "out")) == 106

    def test_a_night_without_rows_is_green_and_says_so(self, root):
        run = build(root / "run", Night())
        summary = close(run)
        assert summary.green
        assert summary.headline == "No input rows this night."
        with (root / "out" / "day=2026-11-22" / "part-00000.parquet").open("rb") as stream:
            assert pq.read_table(stream).schema.equals(ANSWER_SCHEMA)

    def test_a_night_without_rows_replaces_the_one_before_only_where_that_is_asked_for(self, here):
        close(build(here / "run", NIGHT))
        shutil.rmtree(run := Path(str(here / "run")))
        empty = build(UPath(run), Night())
        with pytest.raises(DestinationError, match="holds 106 rows, and this run has none"):
            close(empty)
        assert len(read_answers(here / "out")) == 106
        close(empty, destination=Destination(output="out", replace="always"))
        assert len(read_answers(here / "out")) == 0

    def test_result_lines_without_a_row_are_counted_apart(self, here):
        run = build(here / "run", NIGHT)
        for number, unmatched in enumerate([{"unknown": 2}, {"unknown": 1, "repeated": 1, "unreadable": 0}]):
            folder = run.shard(number)
            record = msgspec.structs.replace(folder.loaded(), unmatched=unmatched)
            write_record(folder.file("loaded.json"), record)
        summary = close(run)
        assert summary.unmatched == {"unknown": 3, "repeated": 1}
        assert summary.ledger.gap == 0
        assert "3 unknown, 1 repeated." in run.file("report.html").read_text()


class TestRed:
    def red(self, run: RunFolder, **options) -> str:
        with pytest.raises(LedgerError) as error:
            close(run, **options)
        summary = written(run)
        assert not summary.green
        assert summary.published is None
        assert not (run.path.parent / "out").exists()
        assert LexborHTMLParser(run.file("report.html").read_text()).css_first(".pill").text() == "Needs a look"
        return str(error.value)

    def test_a_shard_that_was_never_loaded_is_named(self, here):
        run = build(here / "run", NIGHT)
        shutil.rmtree(run.shard(2).path.path)
        run.part("answers", 2).unlink()
        assert "40 rows of 113 not accounted for. Shard 2 was never loaded (40 rows)." in self.red(run)

    @pytest.mark.parametrize(
        ("change", "said"), [(-1, "1 row of 67 not accounted for"), (1, "1 row too many; 67 expected")]
    )
    def test_a_row_less_or_more_in_a_part_is_found_in_its_shard(self, here, change, said):
        run = build(here / "run", NIGHT)
        shard = NIGHT.shards[1]
        spec = run.need_plan().shards[1]
        write_answers(run.part("answers", 1), NIGHT, spec, replace(shard, answered=shard.answered + change))
        message = self.red(run)
        assert f"Shard 1: {said}" in message
        assert f"loaded.json says 65 succeeded, 1 invalid, 1 refused; its files hold {65 + change} succeeded" in message

    def test_unresolved_rows_that_are_gone_are_missed(self, here):
        run = build(here / "run", NIGHT)
        run.shard(1).file("unresolved.parquet").unlink()
        assert "Shard 1: 2 rows of 67 not accounted for." in self.red(run)

    def test_items_that_scan_did_not_count_are_found(self, here):
        run = build(here / "run", NIGHT)
        write_items(run.part("items", 1), NIGHT, 2)
        message = self.red(run)
        assert "scan.json says 113 rows, but items (103), duplicates (7) and quarantine (5) hold 115." in message
        assert "The plan covers 101 of 103 items." in message

    def test_a_part_of_a_shard_that_no_one_planned_is_found(self, here):
        run = build(here / "run", NIGHT)
        write_answers(run.part("answers", 9), NIGHT, run.need_plan().shards[0], Shard(answered=4))
        assert "Shard 9: 4 rows too many; 0 expected." in self.red(run)

    def test_unresolved_rows_of_a_shard_that_no_one_planned_are_found(self, here):
        run = build(here / "run", NIGHT)
        write_unresolved(run.shard(9).file("unresolved.parquet"), NIGHT, Shard(answered=0, failed={"invalid": 3}))
        assert "Shard 9: 3 rows too many; 0 expected." in self.red(run)

    def test_duplicates_whose_original_is_in_no_shard_are_found(self, here):
        run = build(here / "run", NIGHT)
        plan = run.need_plan()
        first, _, third = plan.shards
        shorter = msgspec.structs.replace(plan, shards=[first, third])
        write_bytes(run.file("plan.json"), msgspec.json.encode(shorter))
        message = self.red(run)
        assert "The plan covers 41 of 101 items." in message
        assert "7 rows of duplicates belong to no shard." in message

    def test_too_many_failures_are_red_although_all_adds_up(self, here):
        run = build(here / "run", Night(shards=[Shard(answered=90, failed={"errored": 10})]))
        assert "10 of 100 asked rows failed for a reason that is not in their text (10.0%;" in self.red(run)

    def test_thresholds_are_the_users(self, here):
        run = build(here / "run", Night(shards=[Shard(answered=90, failed={"errored": 10})]))
        assert close(run, thresholds=Thresholds(failed=0.1)).green

    def test_what_was_published_before_stays(self, here):
        close(build(here / "run", NIGHT))
        (here / "run" / "answers" / "part-00000.parquet").unlink()
        with pytest.raises(LedgerError, match="nothing was published"):
            close(RunFolder(here / "run"))
        assert len(read_answers(here / "out")) == 106


class TestWarnings:
    """What authors write must not stop the answers to everyone else."""

    FLOOD = Night(shards=[Shard(answered=60, failed={"refused": 10})], quarantined={"override": 25, "empty": 5})

    def test_a_flood_of_hostile_texts_is_published_with_a_warning(self, here):
        summary = close(build(here / "run", self.FLOOD))
        assert (summary.published is not None, summary.problems) == (True, [])
        assert summary.ledger.by_authors == {"override": 25, "empty": 5}
        refused, aside = written(RunFolder(here / "run")).warnings
        assert "10 of 70 asked rows were refused by the model (14.3%;" in refused
        assert "30 of 100 rows are set aside for what their authors wrote (30.0%;" in aside

    def test_the_page_says_so_first(self, here):
        run = build(here / "run", self.FLOOD)
        close(run)
        page = LexborHTMLParser(run.file("report.html").read_text())
        assert page.css_first(".pill").text() == "Complete, with warnings"
        assert "60 of 100 rows are answered. Look at the others: 10 of 70" in page.css_first("h1").text()
        assert len(page.css(".warnings li")) == 2

    def test_as_many_broken_rows_of_the_source_are_red(self, here):
        run = build(here / "run", Night(shards=[Shard(answered=70)], quarantined={"broken_row": 30}))
        with pytest.raises(LedgerError, match="30 of 100 rows are set aside as broken data, or lost"):
            close(run)

    def test_a_gate_that_sets_most_rows_aside_is_red(self, here):
        run = build(here / "run", Night(shards=[Shard(answered=40)], quarantined={"override": 60}))
        with pytest.raises(LedgerError, match="60 of 100 rows are set aside for what their authors wrote"):
            close(run)


class TestRefusals:
    def test_a_run_that_was_not_planned_is_no_run_to_report(self, here):
        run = build(here / "run", NIGHT)
        run.file("plan.json").unlink()
        with pytest.raises(StateError, match=r"plan\.json does not exist"):
            close(run)

    def test_a_broken_part_is_named(self, here):
        run = build(here / "run", NIGHT)
        write_bytes(run.part("answers", 1), b"not parquet")
        with pytest.raises(StateError, match=r"part-00001\.parquet is not a readable Parquet file"):
            close(run)

    def test_a_report_whose_publishing_fails_does_not_claim_it(self, here):
        run = build(here / "run", NIGHT)
        (here / "out" / "day=2026-11-22").mkdir(parents=True)
        (here / "out" / "day=2026-11-22" / "theirs").write_text("x")
        with pytest.raises(DestinationError, match="not an answer part"):
            close(run)
        assert written(run).published is None
        assert (written(run).green, written(run).publication) == (False, "failed")
        assert "'theirs', which is not an answer part" in written(run).headline
        page = LexborHTMLParser(run.file("report.html").read_text())
        assert page.css_first(".pill").text() == "Needs a look"
        assert "were not published" in page.css_first("h1").text()


class TestPublication:
    """The report is written after what it reports."""

    def test_while_the_answers_are_put_in_place_the_report_says_that_this_is_not_done(self, here, monkeypatch):
        run, seen = build(here / "run", NIGHT), []
        real = publish_run.publish
        monkeypatch.setattr(publish_run, "publish", lambda *a: seen.append(written(run)) or real(*a))
        close(run)
        [during] = seen
        assert (during.publication, during.green, during.published) == ("publishing", False, None)
        assert during.headline == "The answers are being published."
        after = written(run)
        assert (after.publication, after.green, after.published_rows) == ("published", True, 106)

    def test_a_disk_that_fails_makes_the_report_red_and_the_next_one_completes_it(self, root, monkeypatch):
        run = build(root / "run", NIGHT)
        monkeypatch.setattr(publish_run, "publish", failing)
        with pytest.raises(StoreError, match="No space left on device"):
            close(run)
        assert written(run).problems == [
            f"The answers were not published to {root / 'out' / 'day=2026-11-22'}: [Errno 28] No space left on device"
        ]
        monkeypatch.undo()
        assert close(run).green
        assert len(read_answers(root / "out")) == 106

    def test_a_crash_between_publishing_and_the_last_report_is_completed_without_writing_twice(self, root, monkeypatch):
        run = build(root / "run", NIGHT)
        real = report_stage._write
        monkeypatch.setattr(report_stage, "_write", lambda run, s: None if s.published else real(run, s))
        close(run)
        assert written(run).publication == "publishing"
        monkeypatch.undo()
        before = Partition.at(root / "out", "day", "2026-11-22").manifest()
        summary = close(run, clock=lambda: at(500))
        assert (written(run), summary.green) == (summary, True)
        assert Partition.at(root / "out", "day", "2026-11-22").manifest() == before

    def test_rows_that_are_not_there_after_writing_make_the_report_red(self, here, monkeypatch):
        run = build(here / "run", NIGHT)
        monkeypatch.setattr(replacing, "count_rows", lambda files: [1] * len(files))
        with pytest.raises(StateError, match="holds 1 rows, not the 65 that were written"):
            close(run)
        assert written(run).publication == "failed"
        assert not (here / "out" / "day=2026-11-22").exists()

    def test_the_manifest_says_what_is_published_whose_and_from_where(self, root):
        mine = Destination(output="out", holder=Holder(dag_id="d", task_id="g.plan", interval="a/b", run_id="r"))
        close(build(root / "run", NIGHT), destination=mine)
        found = Partition.at(root / "out", "day", "2026-11-22").manifest()
        assert (found.holder, found.rows, found.source) == (mine.holder, 106, "s3://mail/inbox.parquet")
        assert (found.column, found.partition, found.prompt_hash) == ("day", "2026-11-22", "a" * 64)
        assert {file.name: file.rows for file in found.files} == {
            "part-00000.parquet": 1, "part-00001.parquet": 65, "part-00002.parquet": 40,
        }  # fmt: skip

    def test_a_partition_that_was_taken_over_meanwhile_is_left_alone(self, here):
        run = build(here / "run", NIGHT)
        Partition.at(here / "out", "day", "2026-11-22").take_over(Holder(dag_id="other", task_id="plan"), at(0))
        with pytest.raises(DestinationError, match="belongs to task plan of DAG other"):
            close(run, destination=Destination(output="out", holder=Holder(dag_id="mine", task_id="plan")))
        assert not (here / "out" / "day=2026-11-22").exists()


def failing(*_) -> None:
    raise OSError(28, "No space left on device")


def test_hostile_texts_in_files_are_literal_text_on_the_page(here):
    """Ids, reasons, excerpts, values and sentences of a run end as text, whatever they contain."""
    text = "</svg></td><script>alert(1)</script>{{ 7*7 }} $\\frac{1}$ \u202e\x00"
    night = Night(
        shards=[Shard(answered=50, failed={text: 1})],
        quarantined={text: 2},
        sentiments=(text, "$x$"),
        texts=(text,),
        ids=text,
        explanation=(text,),
    )
    run = build(here / "run", night)
    close(run)
    page = LexborHTMLParser(run.file("report.html").read_text())
    assert page.css("script") == []
    shown = page.css_first(".examples td.soft bdi").text()
    assert shown == "</svg></td><script>alert(1)</script>{{ 7*7 }} $\\frac{1}$ ⟨U+202E⟩⟨U+0000⟩"


def test_memory_does_not_grow_with_the_rows(here):
    """Ten times the rows take no more Python memory than twice as much; Arrow holds one batch at a time."""

    def peak(name: str, rows: int) -> int:
        run = build(here / name / "run", Night(shards=[Shard(answered=rows)]))
        tracemalloc.start()
        close(run, output=None)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak("warm", 100)
    assert peak("large", 20_000) < 2 * peak("small", 2_000)
