"""The requests of an attempt: their bytes, and how often a row is encoded."""

from __future__ import annotations

import io
import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.requests import request_bytes
from airflow_provider_claude.core.requests.request_bytes import Frame, custom_id
from airflow_provider_claude.stages.plan.weigh import _SAMPLE
from airflow_provider_claude.stages.requests.attempt_selection import AttemptSelection
from airflow_provider_claude.stages.requests.encode_attempt import encode_body
from airflow_provider_claude.stages.requests.manifest import custom_ids
from airflow_provider_claude.stages.requests.spool import Spool
from airflow_provider_claude.store.planned_shard import PlannedShard
from tests.stages.conftest import Night

NAME = "ab" * 32

TEXTS = [f"mail number {number}" for number in range(30)]


def spooled(contents: list[int], limits: list[int]) -> tuple[Spool, list[bytes]]:
    """A spool of one request for each of *contents*, with these limits; and the parameters of each."""
    frames = {limit: Frame(b'{"max_tokens":%d,"is":' % limit, b"}") for limit in limits}
    spool = Spool(io.BytesIO(), NAME)
    of = [frames[limit] for limit in limits]
    made = [b"%d" % content for content in contents]
    spool.write(made[:2], of[:2], limits[:2])
    spool.write(made[2:], of[2:], limits[2:])
    return spool, [frame.params(content) for frame, content in zip(of, made, strict=True)]


@given(st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from([7, 256])), max_size=20))
def test_a_spooled_body_is_the_batch_of_its_requests_and_can_be_read_again(rows: list[tuple[int, int]]) -> None:
    spool, params = spooled([content for content, _ in rows], [limit for _, limit in rows])
    body = b"".join(spool.body())
    asked = [{"custom_id": custom_id(NAME, number), "params": json.loads(one)} for number, one in enumerate(params)]
    assert json.loads(body) == {"requests": asked}
    assert spool.body_bytes == len(body)
    assert b"".join(spool.body()) == body
    turns = range(len(rows) - 1, -1, -1)
    assert list(spool.params(turns)) == params[::-1]
    assert list(spool.sizes) == list(map(len, params))


def test_a_large_body_comes_in_pieces_of_about_a_quarter_of_a_megabyte() -> None:
    spool = Spool(io.BytesIO(), NAME)
    spool.write([b"x" * 10_000] * 100, [Frame(b"", b"")] * 100, [1] * 100)
    pieces = list(spool.body())
    assert len(b"".join(pieces)) == spool.body_bytes
    assert max(map(len, pieces)) < 1.1 * 2**18


@given(st.lists(st.integers(0, 999_999)))
def test_custom_ids_in_a_column_are_those_of_each_request(requests: list[int]) -> None:
    column = custom_ids(NAME, np.array(requests, dtype="<i8"))
    assert column.to_pylist() == [custom_id(NAME, number) for number in requests]


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each text is encoded."""
    counts: Counter[str] = Counter()
    plain = request_bytes._literal

    def counted(text: str | None) -> bytes:
        counts[str(text)] += 1
        return plain(text)

    monkeypatch.setattr(request_bytes, "_literal", counted)
    return counts


def test_a_row_is_encoded_once_by_the_plan_and_once_by_create(night: Night, encoded: Counter[str]) -> None:
    night.scanned(TEXTS).plan(rows=9)
    assert encoded.keys() == {*TEXTS, ""}  # an empty row, whose tokens are those that all have in common
    assert encoded.total() <= len(TEXTS) + _SAMPLE + 1  # whose tokens the API counts, however many rows there are
    encoded.clear()
    night.create()
    assert encoded == dict.fromkeys(TEXTS[:9], 1)


def test_a_row_with_another_limit_is_not_encoded_again(night: Night, encoded: Counter[str]) -> None:
    night.scanned(TEXTS).plan(rows=30)
    encoded.clear()
    shard = PlannedShard.of(night.run.shard(1))
    asked = AttemptSelection(round=2, only=frozenset({2, 3}), max_tokens={3: 999})
    with encode_body(shard, asked) as body:
        assert [json.loads(one)["max_tokens"] for one in body.requests()] == [shard.plan.job.max_tokens, 999]
    assert encoded == dict.fromkeys(TEXTS, 1)
