from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import count
from pathlib import Path

import pyarrow as pa
import pytest
from upath import UPath

from airflow_provider_claude.demo.corpus import CorpusSummary, corpus_batches, make_mail, write_corpus
from airflow_provider_claude.sources.source import open_source
from airflow_provider_claude.stages.scan.run import scan
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from airflow_provider_claude.store import RunFolder, ScanRecord

MAILS = 800
DAY = date(2026, 11, 22)


def clock() -> Callable[[], str]:
    ticks = count()
    return lambda: str(next(ticks))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CorpusSummary]:
    folder = tmp_path_factory.mktemp("corpus")
    return folder, write_corpus(folder, MAILS, seed=1, day=DAY)


@pytest.fixture(scope="module")
def scanned(corpus: tuple[Path, CorpusSummary], tmp_path_factory: pytest.TempPathFactory) -> ScanRecord:
    run = RunFolder(UPath(tmp_path_factory.mktemp("run")))
    return scan(open_source(UPath(corpus[0])), run, ScanSettings(text_columns=["subject", "body"]), clock=clock())


def test_the_same_seed_gives_the_same_bytes_and_another_one_does_not(tmp_path: Path) -> None:
    for name, seed in {"a": 7, "b": 7, "c": 8}.items():
        write_corpus(tmp_path / name, 40, seed, DAY)
    a, b, c = ([path.read_bytes() for path in sorted((tmp_path / name).rglob("*.eml"))] for name in "abc")
    assert a == b
    assert a != c


def test_counts_add_up(corpus: tuple[Path, CorpusSummary]) -> None:
    folder, summary = corpus
    assert len(list(folder.rglob("*.eml"))) == summary.mails == MAILS
    for counts in (summary.by_kind, summary.by_language, summary.by_tone):
        assert sum(counts.values()) == MAILS
    assert set(summary.by_language) == {"en", "de", "fr", "es", "pt", "ja"}
    assert set(summary.by_kind) == {"ordinary", "hostile", "duplicate", "broken"}


def test_every_mail_is_read_and_the_scan_finds_the_odd_ones(
    corpus: tuple[Path, CorpusSummary], scanned: ScanRecord
) -> None:
    kinds = corpus[1].by_kind
    assert scanned.rows == MAILS
    assert scanned.duplicates <= kinds["duplicate"] + kinds["broken"]
    assert scanned.duplicates > 0
    assert 0 < scanned.quarantined <= kinds["hostile"] + kinds["broken"]
    assert scanned.flagged["hidden_text"] <= kinds["hostile"]
    assert set(scanned.flagged) & {"mime_defects", "charset_guessed", "no_body"}


def test_ordinary_mails_are_never_set_aside() -> None:
    assert {make_mail(n, 3).kind for n in range(400)} > {"ordinary"}
    ordinary = [mail for mail in (make_mail(n, 3) for n in range(400)) if mail.kind == "ordinary"]
    assert all(150 < len(mail.body) < 3_200 for mail in ordinary)
    mean = sum(len(mail.body) for mail in ordinary) / len(ordinary)
    assert 1_000 < mean < 1_400


def test_batches_hold_the_same_mails_as_the_files() -> None:
    batches = list(corpus_batches(250, seed=1, batch_rows=100))
    assert [batch.num_rows for batch in batches] == [100, 100, 50]
    table = pa.Table.from_batches(batches)
    assert table.column_names == ["id", "sender", "received", "language", "subject", "body"]
    assert table["body"].to_pylist() == [make_mail(n, 1).body for n in range(250)]
    assert len(set(table["id"].to_pylist())) == 250


def test_a_lexicon_finds_a_plausible_mix() -> None:
    vader = pytest.importorskip("vaderSentiment.vaderSentiment").SentimentIntensityAnalyzer()
    scores = [vader.polarity_scores(make_mail(n, 5).body)["compound"] for n in range(400)]
    positive, negative = (sum(sign * score >= 0.05 for score in scores) / len(scores) for sign in (1, -1))
    assert 0.35 < positive < 0.6
    assert 0.25 < negative < 0.45
    assert positive + negative < 0.97
