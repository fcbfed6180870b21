"""Reading the items of a run."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
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


@given(st.integers(0, 17), st.integers(0, 17))
def test_any_range_of_the_items_is_read_in_order(first: int, second: int) -> None:
    start, stop = sorted((first, second))
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(UPath(folder))
        scan_by_hand(run, [f"text {n}" for n in range(17)])
        batches = list(read_items(run, run.need_scan(), start, stop, ["ordinal"]))
    assert [n for batch in batches for n in batch["ordinal"].to_pylist()] == list(range(start, stop))
