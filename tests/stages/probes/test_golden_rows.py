"""Golden rows: asked among the sample, in no count and no table, and judged against what is known of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel
from upath import UPath

from airflow_provider_claude.core.consistency.golden import Golden
from airflow_provider_claude.core.consistency.settings import Consistency
from airflow_provider_claude.errors import DestinationError, JobError, LedgerError
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.sources.source import open_source
from airflow_provider_claude.stages.plan.run import open_shards
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.stages.scan.golden import forget_golden, scan_golden
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from airflow_provider_claude.store.parquet_files import read_table
from tests.stages.conftest import Night
from tests.stages.probes.test_ask_again import answered, planned, reported, whole
from tests.stages.probes.test_plan_packs import WORDS, day

GOLDEN = Consistency(least=40, golden="golden.parquet")
LABELS = ("positive", "negative", "neutral")


def with_golden(night: Night, folder: Path, labels: Sequence[str | None] = LABELS, rows: int = 30) -> Night:
    """*night* with golden rows, whose known labels are *labels* in turn: by default the right ones."""
    path = folder / "golden.parquet"
    table = {
        "id": [f"known-{n}" for n in range(rows)],
        "body": [f"{WORDS[n % 3]}. golden {n}" for n in range(rows)],
        "sentiment": [labels[n % len(labels)] for n in range(rows)],
    }
    pq.write_table(pa.table(table), path)
    source = open_source(UPath(path), columns=["body"], carry=["sentiment"])
    settings = ScanSettings(text_columns=["body"])
    scan_golden(source, night.run, settings, ["sentiment"], clock=lambda: "2026-11-23T00:00:00+00:00")
    return night


def golden_of(night: Night, consistency: Consistency = GOLDEN, **more: Any) -> Golden:
    measured = whole(night, consistency, **more).consistency
    assert measured is not None
    assert measured.golden is not None
    return measured.golden


def test_golden_rows_are_asked_in_the_shard_of_the_sample_and_are_in_no_table_and_no_count(
    night: Night, tmp_path: Path
) -> None:
    summary = whole(today := with_golden(day(night, "mon", rows=100), tmp_path), GOLDEN)
    assert (summary.ledger.inputs, summary.ledger.answered, summary.problems) == (100, 100, [])
    names = [name for part in today.run.parts("answers") for name in read_table(part)["item_id"].to_pylist()]
    assert len(names) == 100
    assert not any(name.startswith(("golden", "known")) for name in names)
    [probe] = today.run.probes()
    [spec] = probe.need_plan().shards
    assert spec.rows == 70
    assert summary.consistency is not None
    assert summary.consistency.again is not None
    assert summary.consistency.golden is not None
    assert (summary.consistency.again.asked, summary.consistency.golden.asked) == (40, 30)


def test_the_accuracy_is_that_of_the_model(night: Night, tmp_path: Path) -> None:
    assert [(one.field, one.right, one.rows) for one in golden_of(with_golden(day(night, "mon"), tmp_path)).fields] == [
        ("sentiment", 30, 30)
    ]
    wrong = with_golden(day(night, "tue"), tmp_path, labels=["positive"])
    [label] = golden_of(wrong).fields
    assert label.right == 10
    assert sorted(label.wrong) == [("positive", "negative", 10), ("positive", "neutral", 10)]


def test_the_next_run_is_compared_with_the_last_accepted_one(
    night: Night, tmp_path: Path, claude_simulator: SimulatorProcess
) -> None:
    def asked(name: str, consistency: Consistency = GOLDEN) -> Golden:
        today = with_golden(day(night, name, rows=60), tmp_path, rows=90)
        return golden_of(today, consistency, partition=name, at=f"{name}T23:00:00+00:00")

    assert asked("2026-11-16").baseline is None
    assert asked("2026-11-17").baseline == "the run of 2026-11-16"
    claude_simulator.behaviour(noise=0.6)
    with pytest.raises(LedgerError, match="golden rows got the known sentiment"):
        asked("2026-11-18", replace(GOLDEN, min_golden=0.9))
    found = asked("2026-11-19")
    assert found.baseline == "the run of 2026-11-17"
    [label] = found.fields
    assert label.change is not None
    assert label.change.verdict == "worse"
    assert "worse than the run of" in found.sentence()


def test_a_run_that_could_not_publish_is_no_baseline(night: Night, tmp_path: Path) -> None:
    def asked(name: str) -> Night:
        today = with_golden(day(night, name, rows=60), tmp_path)
        answered(today, open_shards(today.run, planned(today, GOLDEN, partition=name, at=f"{name}T23:00:00+00:00")))
        return today

    stray = tmp_path / "out" / "day=2026-11-16" / "stray.txt"
    stray.parent.mkdir(parents=True)
    stray.write_text("x")
    with pytest.raises(DestinationError):
        report(asked("2026-11-16").run, output=UPath(tmp_path / "out"), clock=lambda: "2026-11-17T01:00:00+00:00")
    measured = reported(asked("2026-11-17")).consistency
    assert measured is not None
    assert measured.golden is not None
    assert measured.golden.baseline is None


def test_a_row_whose_known_answer_was_corrected_is_not_compared_with_what_it_was(night: Night, tmp_path: Path) -> None:
    """A correction made a run that had answered the same as the one before better."""

    def asked(name: str, labels: Sequence[str]) -> Golden:
        today = with_golden(day(night, name, rows=60), tmp_path, labels=labels, rows=90)
        return golden_of(today, partition=name, at=f"{name}T23:00:00+00:00")

    asked("2026-11-16", ["neutral", *LABELS[1:]])
    [label] = asked("2026-11-17", LABELS).fields
    assert label.change is not None
    assert (label.change.rows, label.change.better, label.change.worse) == (60, 0, 0)


def test_a_golden_answer_that_cannot_be_is_refused_before_anything_is_sent(
    night: Night, tmp_path: Path, claude_simulator: SimulatorProcess
) -> None:
    with pytest.raises(JobError, match="has 'Positive' for sentiment: write one of positive, neutral, negative"):
        planned(with_golden(day(night, "mon"), tmp_path, labels=["Positive"]), GOLDEN)
    assert claude_simulator.books()["total"]["requests"] == 0


def test_a_model_that_refuses_golden_rows_does_not_pass_because_it_is_right_about_the_others(
    night: Night, tmp_path: Path, claude_simulator: SimulatorProcess
) -> None:
    today = with_golden(day(night, "mon", rows=60), tmp_path, rows=90)
    record = planned(today, replace(GOLDEN, min_golden=0.7, min_agreement=0.7))
    answered(today, [today.run.shard(spec.number) for spec in record.shards])
    claude_simulator.behaviour(refusal=0.5)
    answered(today, open_shards(today.run, record)[len(record.shards) :])
    with pytest.raises(LedgerError) as red:
        reported(today)
    assert "of 40 rows got the same sentiment" in str(red.value)
    assert "of 90 golden rows got the known sentiment" in str(red.value)
    assert "(refused)" in today.run.file("report.json").read_text()


class Tone(BaseModel):
    sentiment: Literal["positive", "neutral", "negative", "mixed"]
    angry: bool


def test_a_field_that_is_judged_and_that_no_golden_row_knows_is_refused_before_anything_is_sent(
    night: Night, tmp_path: Path, claude_simulator: SimulatorProcess
) -> None:
    today = with_golden(day(night, "mon", rows=60), tmp_path)
    today.job = replace(today.job, output=Tone)
    with pytest.raises(JobError, match=r"min_golden judges angry.*min_golden=\{'sentiment': 0\.9\}"):
        planned(today, replace(GOLDEN, min_golden=0.9))
    assert claude_simulator.books()["total"]["requests"] == 0
    assert planned(today, replace(GOLDEN, min_golden={"sentiment": 0.9})).probes


def test_without_golden_rows_in_the_run_folder_the_plan_says_what_to_do(night: Night, tmp_path: Path) -> None:
    with pytest.raises(JobError, match="has read no golden rows"):
        planned(day(night, "mon"), GOLDEN)
    forget_golden(with_golden(day(night, "mon"), tmp_path).run)
    with pytest.raises(JobError, match="has read no golden rows"):
        planned(day(night, "mon"), GOLDEN)


def test_golden_rows_are_asked_without_a_sample_too(night: Night, tmp_path: Path) -> None:
    today = with_golden(day(night, "mon", rows=60), tmp_path)
    record = planned(today, Consistency(share=0, golden="golden.parquet"))
    assert any("30 golden rows are asked, to measure" in sentence for sentence in record.explanation)
    answered(today, open_shards(today.run, record))
    measured = reported(today).consistency
    assert measured is not None
    assert (measured.again, measured.golden is not None) == (None, True)


def test_what_was_planted_in_the_model_is_measured(
    night: Night, tmp_path: Path, claude_simulator: SimulatorProcess
) -> None:
    """Labels that flip at each attempt, and texts that get the first option: the simulator says what is true of them."""
    claude_simulator.label_noise(flips={"negative": {"positive": 0.2}, "neutral": {"negative": 0.1}}, first=0.1)
    rows, golden = 120, [f"{WORDS[n % 3]}. golden {n}" for n in range(120)]
    truths = claude_simulator.truth(golden, ["positive", "neutral", "negative"])
    assert [truth["plain"] for truth in truths[:3]] == list(LABELS)
    assert {truth["steady"] for truth in truths if truth["plain"] == "negative"} == {"negative", "positive"}
    accuracy = sum(truth["chances"].get(truth["plain"], 0.0) for truth in truths) / rows
    sample = claude_simulator.truth(
        [f"{WORDS[n % 3]}. mon {n}" for n in range(rows)], ["positive", "negative", "neutral"]
    )
    same = sum(sum(chance**2 for chance in truth["chances"].values()) for truth in sample) / rows
    night = with_golden(day(night, "mon", rows=rows), tmp_path, rows=rows)
    measured = whole(night, replace(GOLDEN, least=rows)).consistency
    assert measured is not None
    assert measured.again is not None
    assert measured.golden is not None
    [label] = measured.golden.fields
    agreement = measured.again.fields[0].agreement
    for found, true in ((label.accuracy, accuracy), (agreement, same)):
        assert 0.6 < true < 0.95
        assert abs(found.value - true) < 4 * math.sqrt(true * (1 - true) / rows)


SURE = replace(GOLDEN, confidence_field="confidence")


def test_the_confidence_of_the_model_is_held_against_the_golden_rows(night: Night, tmp_path: Path) -> None:
    today = with_golden(day(night, "mon", rows=60), tmp_path, labels=["positive", "negative", "positive"], rows=120)
    summary = whole(today, SURE)
    assert summary.confidence is not None
    found = summary.confidence.calibration
    assert found is not None
    assert (found.rows, found.right.value) == (120, pytest.approx(2 / 3))
    assert sum(one.rows for one in found.bins) == 120
    assert found.sentence() in today.run.file("report.html").read_text()


def test_answers_are_calibrated_by_the_last_accepted_run_of_the_same_job(night: Night, tmp_path: Path) -> None:
    def answers(name: str, **job: str) -> list[dict[str, Any]]:
        today = day(night, name, rows=60)
        today.job = replace(today.job, **job)
        with_golden(today, tmp_path, labels=["positive", "negative", "positive"], rows=120)
        whole(today, SURE, partition=name, at=f"{name}T23:00:00+00:00")
        output = UPath(tmp_path / f"out-{name}")
        summary = report(today.run, output=output, clock=lambda: "2026-11-23T01:00:00+00:00")
        assert summary.published_rows == 60
        assert summary.confidence is not None
        assert ("is empty" in summary.confidence.sentence()) == (name != "2026-11-17")
        return pq.read_table(next(output.rglob("*.parquet"))).to_pylist()

    assert {row["confidence_calibrated"] for row in answers("2026-11-16")} == {None}
    tuesday = answers("2026-11-17")
    # Every third golden row has another known label: the text without feeling, of which the model is not sure at all.
    neutral = [row for row in tuesday if row["sentiment"] == "neutral"]
    assert {row["confidence_calibrated"] for row in neutral} == {0.0}
    assert all(row["confidence_calibrated"] == 1.0 for row in tuesday if row["sentiment"] != "neutral")
    assert {row["confidence_calibrated"] for row in answers("2026-11-18", system="Label it.")} == {None}


@pytest.mark.parametrize(
    ("rows", "consistency", "why"),
    [
        (30, SURE, "30 golden rows with an answer are too few"),
        (0, replace(SURE, golden=None), "there are no golden rows to hold it against"),
    ],
)
def test_without_enough_golden_rows_the_confidence_is_the_word_of_the_model_only(
    night: Night, tmp_path: Path, rows: int, consistency: Consistency, why: str
) -> None:
    today = day(night, "mon", rows=60)
    summary = whole(with_golden(today, tmp_path, rows=rows) if rows else today, consistency)
    assert summary.confidence is not None
    assert summary.confidence.sentence().startswith(f"confidence is the model's word only: {why}")
