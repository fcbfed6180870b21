"""Claude's answers about the rows that a scan doubted."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_provider_claude.store import RunFolder
from airflow_provider_claude.store.parquet_files import read_batches

_BATCH_ROWS = 10_000


def read_screened(run: RunFolder) -> Mapping[bytes, bool]:
    """By input hash whether an injection is suspected in it, of all that were answered in *run*.

    *run* is the run folder of the screening, which may be unfinished or missing.
    """
    found: dict[bytes, bool] = {}
    for path in run.parts("answers"):
        for batch in read_batches(path, _BATCH_ROWS, ["item_id", "injection_suspected"]):
            keys, suspected = batch["item_id"].to_pylist(), batch["injection_suspected"].to_pylist()
            found.update(zip(map(bytes.fromhex, keys), suspected, strict=True))
    return found
