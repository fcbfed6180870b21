from __future__ import annotations

import hashlib

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.scan.digests import input_digests

row = st.tuples(st.none() | st.text("ab\x00", max_size=4), st.none() | st.text("ab\x00", max_size=4))


@given(st.lists(row, min_size=1, max_size=8))
def test_rows_have_the_same_digest_only_if_all_their_texts_are_the_same(
    rows: list[tuple[str | None, str | None]],
) -> None:
    digests = input_digests([pa.array(column, pa.string()) for column in zip(*rows, strict=True)])
    assert len(set(digests)) == len(set(rows))


def test_the_framing_does_not_change() -> None:
    framed = (2).to_bytes(8, "little") + "é".encode() + b"\xff" * 8
    columns = [pa.array(["é"]), pa.array([None], pa.string())]
    assert input_digests(columns) == [hashlib.sha256(framed).digest()]
