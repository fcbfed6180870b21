"""Reading the items of a run."""

from __future__ import annotations

from pathlib import Path

from upath import UPath

from airflow_provider_claude.store import RunFolder
from airflow_provider_claude.store.items import BATCH_BYTES, read_items
from tests.stages.conftest import scan_by_hand


def test_batches_have_about_as_many_bytes_however_long_the_texts_are(tmp_path: Path) -> None:
    run = RunFolder(UPath(tmp_path / "run"))
    texts = [f"{n}" + "x" * (BATCH_BYTES * 2 // 3 if n < 3 else 9) for n in range(8)]
    scan_by_hand(run, texts)
    found = [batch["body"].to_pylist() for batch in read_items(run, run.need_scan(), 1, 8, ["body"])]
    assert [text for bodies in found for text in bodies] == texts[1:]
    assert [len(bodies) for bodies in found] == [1, 1, 3, 1, 1]
