"""`claude-batch review`: a table for people, and what they corrected as golden rows."""

from __future__ import annotations

import csv
import json
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

import anthropic
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from airflow_provider_claude.cli.main import main
from airflow_provider_claude.core.account import Account
from airflow_provider_claude.core.consistency.comparable import comparable
from airflow_provider_claude.core.consistency.settings import Consistency
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.sources.source import open_source
from airflow_provider_claude.stages.load.run import load
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import open_shards, plan
from airflow_provider_claude.stages.probes.golden_rows import golden_rows
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.stages.review import choose_rows
from airflow_provider_claude.stages.review.find_neighbours import find_neighbours
from airflow_provider_claude.stages.scan.golden import scan_golden
from airflow_provider_claude.stages.scan.run import scan
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from airflow_provider_claude.stages.submit.run import create
from airflow_provider_claude.store import AccountFolder, RunFolder
from tests.cli.conftest import JOB, Night, now

#: The first two say nearly the same, and the simulator's lexicon takes them otherwise.
TEXTS = [
    "Your driver left parcel 4711 behind the green garage door next to the old apple tree, and nobody was at home. Good.",
    "Your driver left parcel 12 behind the green garage door next to the old apple tree, and nobody was at home. Bad.",
    "=cmd|' /C calc'!A0 is what the label on the box says",
    *(f"Box {number} arrived." for number in range(5)),
]


def _answered(night: Night, texts: Sequence[str] = TEXTS) -> RunFolder:
    lines = [json.dumps({"id": f"m-{n}", "body": text}) for n, text in enumerate(texts)]
    night.source.write_text("\n".join(lines))
    source = open_source(UPath(night.source), columns=["body"])
    scan(source, night.run, ScanSettings(text_columns=["body"]), clock=now)
    settings = Settings(
        trial=False, partition=night.run.path.name, work=night.work.path, consistency=Consistency(least=40)
    )
    for shard in open_shards(night.run, plan(night.run, JOB, night.gateway, settings=settings, clock=now)):
        create(shard, night.gateway, clock=now)
        load(shard, JOB, night.gateway, clock=now)
    return night.run


@pytest.fixture(scope="module")
def answered(
    tmp_path_factory: pytest.TempPathFactory, claude_simulator_server: SimulatorProcess
) -> Iterator[RunFolder]:
    """A run of TEXTS with answers, each asked a second time. It is made once: no test changes it."""
    claude_simulator_server.reset()
    url, folder = claude_simulator_server.base_url, tmp_path_factory.mktemp("review").resolve()
    work = AccountFolder(
        UPath(folder / "work"), Account(platform="anthropic", base_url=url, workspace="wrkspc_default")
    )
    run = RunFolder(work.path / "dag" / "group" / "2026-11-22")
    with anthropic.Anthropic(base_url=url, api_key="k", max_retries=0) as client:
        yield _answered(Night(run, work, Gateway(lambda: client), folder / "mail.jsonl"))


def _review(run: RunFolder, to: Path) -> list[dict[str, str]]:
    assert main(["review", str(run), str(to)]) == 0
    if to.suffix == ".parquet":
        return pq.read_table(to).to_pylist()
    with to.open(newline="") as stream:
        return list(csv.DictReader(stream))


def _filled_in(rows: list[dict[str, str]], path: Path, **labels: str) -> Path:
    """The table as a spreadsheet saves it, with *labels* by item."""
    with path.open("w", newline="", encoding="utf-8-sig") as stream:
        writer = csv.DictWriter(stream, rows[0], delimiter=";")
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {
                    **row,
                    "text_body": "as a spreadsheet left it",
                    "corrected_sentiment": labels.get(row["item_id"][2:], ""),
                }
            )
    return path


def test_neighbours_with_different_labels_are_found_and_a_safe_excerpt_is_shown(answered: RunFolder) -> None:
    found = find_neighbours(answered, answered.need_plan())
    [one] = found.found
    assert (found.differ, one.item_id, one.other_id, one.field) == (1, "m-0", "m-1", "sentiment")
    assert (one.answer, one.other_answer) == ("positive", "negative")
    assert one.similar >= 0.8
    assert one.excerpt.startswith("Your driver left parcel 4711")


def test_the_report_lists_neighbours_with_different_labels(answered: RunFolder) -> None:
    summary = report(answered, output=None, clock=now)
    assert summary.neighbours is not None
    assert summary.neighbours.sentence() == "1 pair of rows says nearly the same and has different answers."
    page = answered.file("report.html").read_text()
    assert "1 pair of rows says nearly the same" in page
    assert "Your driver left parcel 4711" in page


def test_rows_that_got_another_answer_when_asked_again_are_in_the_table(
    night: Night, claude_simulator: SimulatorProcess, tmp_path: Path
) -> None:
    claude_simulator.label_noise(flips={"neutral": {"positive": 0.5}})
    run = _answered(night, [f"Box {number} arrived." for number in range(40)])  # none differs once in 10^12 such tests
    rows = _review(run, tmp_path / "review.csv")
    again = [row for row in rows if row["why"].startswith("asked again, sentiment was ")]
    assert again
    assert all(row["why"].rpartition(" ")[2] != row["answer_sentiment"] for row in again)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_table_has_neighbours_and_drawn_rows_with_texts_answers_and_an_empty_column(
    answered: RunFolder, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose_rows, "RANDOM_SHARE", 1.0)
    to = tmp_path / f"review.{suffix}"
    rows = _review(answered, to)
    assert list(rows[0]) == ["row", "item_id", "why", "text_body", "answer_sentiment", "corrected_sentiment"]
    assert [row["item_id"] for row in rows] == [f"m-{n}" for n in range(8)]
    assert rows[0]["why"] == "says nearly the same as m-1, whose sentiment is negative"
    assert rows[3]["why"] == "drawn by chance"
    assert {row["corrected_sentiment"] for row in rows} == {""}
    assert rows[2]["text_body"] == ("'" if suffix == "csv" else "") + TEXTS[2]
    assert stat.S_IMODE(to.stat().st_mode) == 0o600


def test_a_file_that_is_there_is_not_touched(answered: RunFolder, tmp_path: Path) -> None:
    to = tmp_path / "review.csv"
    to.write_text("mine")
    assert main(["review", str(answered), str(to)]) == 1
    assert to.read_text() == "mine"


def test_corrections_become_golden_rows_with_the_texts_of_the_run(answered: RunFolder, tmp_path: Path) -> None:
    rows, golden = _review(answered, tmp_path / "review.csv"), tmp_path / "golden.parquet"
    file = _filled_in(rows, tmp_path / "edited.csv", **{"0": "Negative", "1": "negative"})
    apply = ["review", str(answered), "--apply", str(file), "--golden", str(golden)]
    assert main(apply) == 0
    found = pq.read_table(golden).to_pylist()
    assert [(row["body"], row["sentiment"]) for row in found] == [(TEXTS[0], "negative"), (TEXTS[1], "negative")]
    assert [row["id"] for row in found] == [rows[n]["row"] for n in range(2)]
    assert main(apply) == 0
    assert pq.read_table(golden).to_pylist() == found


def test_golden_rows_that_were_corrected_are_those_a_scan_reads(
    answered: RunFolder, night: Night, tmp_path: Path
) -> None:
    rows, golden = _review(answered, tmp_path / "review.csv"), tmp_path / "golden.parquet"
    file = _filled_in(rows, tmp_path / "edited.csv", **{"0": "negative", "1": "neutral"})
    assert main(["review", str(answered), "--apply", str(file), "--golden", str(golden)]) == 0
    source = open_source(UPath(golden), columns=["body", "sentiment"])
    scan_golden(source, night.run, ScanSettings(text_columns=["body"]), ["sentiment"], clock=now)
    known = golden_rows(night.run, comparable(JOB.schema)).known
    assert [row["sentiment"] for row in known.values()] == ["negative", "neutral"]


def test_a_later_correction_replaces_an_earlier_one_and_other_rows_and_columns_stay(
    answered: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    golden = tmp_path / "golden.parquet"
    known = [
        {"id": "g-2", "body": TEXTS[1], "sentiment": "neutral", "by": "Bob"},
        {"id": "g-1", "body": "Another", "sentiment": "neutral", "by": "Ann"},
    ]
    pq.write_table(pa.Table.from_pylist(known), golden)
    rows = _review(answered, tmp_path / "review.csv")
    file = _filled_in(rows, tmp_path / "edited.csv", **{"0": "positive", "1": "negative"})
    assert main(["review", str(answered), "--apply", str(file), "--golden", str(golden)]) == 0
    assert "1 row added" in capsys.readouterr().out
    assert pq.read_table(golden).to_pylist() == [
        {"id": "g-2", "body": TEXTS[1], "sentiment": "negative", "by": "Bob"},
        {"id": "g-1", "body": "Another", "sentiment": "neutral", "by": "Ann"},
        {"id": rows[0]["row"], "body": TEXTS[0], "sentiment": "positive", "by": None},
    ]


def test_golden_rows_with_ids_that_are_numbers_take_others_too(answered: RunFolder, tmp_path: Path) -> None:
    golden = tmp_path / "golden.parquet"
    pq.write_table(pa.Table.from_pylist([{"n": 7, "body": "Another", "sentiment": "neutral"}]), golden)
    rows = _review(answered, tmp_path / "review.csv")
    file = _filled_in(rows, tmp_path / "edited.csv", **{"0": "positive"})
    apply = ["review", str(answered), "--apply", str(file), "--golden", str(golden)]
    assert main(apply) == 1
    assert main([*apply, "--id-column", "n"]) == 0
    assert pq.read_table(golden)["n"].to_pylist() == ["7", rows[0]["row"]]


def test_a_label_that_there_is_not_takes_over_nothing(
    answered: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, golden = _review(answered, tmp_path / "review.csv"), tmp_path / "golden.parquet"
    file = _filled_in(rows, tmp_path / "edited.csv", **{"0": "negative", "1": "negativ"})
    assert main(["review", str(answered), "--apply", str(file), "--golden", str(golden)]) == 1
    assert "'negativ' is none of positive, neutral, negative" in capsys.readouterr().err
    assert not golden.exists()


def test_a_table_of_another_run_takes_over_nothing(
    answered: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "other.csv"
    file.write_text("row,corrected_sentiment\nrow-00,negative\n")
    assert main(["review", str(answered), "--apply", str(file), "--golden", str(tmp_path / "g.parquet")]) == 1
    assert "it is of another run" in capsys.readouterr().err


def test_corrected_rows_are_printed_as_examples_of_the_job(
    answered: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = _review(answered, tmp_path / "review.csv")
    file = _filled_in(rows, tmp_path / "edited.csv", **{"0": "negative"})
    capsys.readouterr()
    assert main(["review", str(answered), "--apply", str(file), "--examples"]) == 0
    printed = capsys.readouterr().out
    examples = eval(f"dict({printed.strip()})")["examples"]
    assert examples == [({"body": TEXTS[0]}, {"sentiment": "negative"})]
    assert ClaudeJob(prompt=JOB.prompt, output=JOB.output, examples=examples).examples_text


def test_a_run_without_answers_says_so(night: Night, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    night.scan().plan()
    assert main(["review", str(night.run), str(tmp_path / "review.csv")]) == 1
    assert "has no answers yet" in capsys.readouterr().err


@pytest.mark.parametrize("there", [True, False])
def test_golden_rows_in_a_file_that_is_not_parquet_are_refused_and_the_file_stays(
    answered: RunFolder, tmp_path: Path, there: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, golden = _review(answered, tmp_path / "review.csv"), tmp_path / "golden.csv"
    file = _filled_in(rows, tmp_path / "edited.csv", **{"0": "negative"})
    if there:
        golden.write_text("id,body,sentiment\n1,x,positive\n")
    assert main(["review", str(answered), "--apply", str(file), "--golden", str(golden)]) == 1
    assert "has to end in .parquet" in capsys.readouterr().err
    assert golden.read_text() == "id,body,sentiment\n1,x,positive\n" if there else not golden.exists()
