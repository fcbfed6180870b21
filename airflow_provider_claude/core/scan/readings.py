"""Other ways to read a row: decoded, unmasked, revealed. Scanned beside its cleaned text, and never sent."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from airflow_provider_claude.core.arrays import array
from airflow_provider_claude.core.scan.encoded import Reading, decoded, encoded_rows
from airflow_provider_claude.core.scan.homoglyphs import mixed_scripts, skeleton


def read(cleaned: pa.Array) -> list[Reading]:
    """The other readings of the rows of *cleaned*: what is encoded in them, and look-alike letters folded."""
    rows, folded = skeleton(cleaned)
    plain = [Reading(row, "skeleton", text) for row, text in zip(rows, folded.to_pylist(), strict=True)]
    return plain + decoded(cleaned)


def readings(cleaned: pa.Array) -> tuple[list[int], pa.Array]:
    """The same as two columns: rows (one may come more than once) and texts."""
    found = read(cleaned)
    return [reading.row for reading in found], array([reading.text for reading in found], pa.string())


def disguises(cleaned: pa.Array, found: list[Reading]) -> Mapping[str, list[int]]:
    """By flag the rows (ascending) of *cleaned* whose letters or encoding hide what they say, given their readings."""
    by_flag = {"mixed_scripts": mixed_scripts(cleaned), "encoded_text": encoded_rows(found)}
    return {flag: rows for flag, rows in by_flag.items() if rows}
