"""Claude's answers about the rows that a scan doubted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow_provider_claude.core.scan.flip import AS_IT_IS, WITHOUT, moved
from airflow_provider_claude.core.scan.screening import SUSPECTED
from airflow_provider_claude.core.scan.verdicts import Verdict
from airflow_provider_claude.store import RunFolder
from airflow_provider_claude.store.parquet_files import read_batches

_BATCH_ROWS = 10_000


def read_screened(run: RunFolder, flip: Sequence[str] = ()) -> Mapping[bytes, Verdict | None]:
    """By the hash of a doubt the verdict on it, None where it is harmless, of all doubts that were answered in *run*.

    *run* is the run folder of the screening, which may be unfinished or missing. *flip*: the fields of two answers that are
    compared, where rows were asked twice.
    """
    if flip:
        return _flipped(run, flip)
    answers = _rows(run, "answers", ["item_id", "injection_suspected"])
    return {bytes.fromhex(key): SUSPECTED if suspected else None for key, suspected in answers}


def _flipped(run: RunFolder, fields: Sequence[str]) -> dict[bytes, Verdict | None]:
    answers = {row[0]: row[1:] for row in _rows(run, "answers", ["item_id", *fields])}
    answers |= {one: answers[of] for one, of in _rows(run, "duplicates", ["item_id", "duplicate_of"]) if of in answers}
    keys = [name.removesuffix(AS_IT_IS) for name in answers if name.endswith(AS_IT_IS)]
    return {
        bytes.fromhex(key): moved(
            dict(zip(fields, zip(answers[key + AS_IT_IS], answers[key + WITHOUT], strict=True), strict=True))
        )
        for key in keys
        if key + WITHOUT in answers
    }


def _rows(run: RunFolder, folder: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    for path in run.parts(folder):
        for batch in read_batches(path, _BATCH_ROWS, columns):
            yield from zip(*(batch[name].to_pylist() for name in columns), strict=True)
