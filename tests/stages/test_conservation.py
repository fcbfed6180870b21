"""Whatever a batch's results hold, every row of its shard ends in exactly one outcome."""

from __future__ import annotations

import json
from collections import Counter

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_claude.core.requests.request_bytes import custom_id
from airflow_provider_claude.store import atomic_output
from tests.stages.conftest import Night

ROWS = 8
USAGE = {"input_tokens": 3, "output_tokens": 2}
GOOD = '{"sentiment": "positive", "confidence": 0.5}'

texts = st.sampled_from(
    [
        GOOD,
        GOOD.replace("positive", "POSITIVE"),
        '{"sentiment": "so-so"}',
        "",
        "prose",
        "[1]",
        "{" * 2_000,
        '{"a": "\u2028"}',
    ]
)
blocks = st.lists(
    st.one_of(
        texts.map(lambda text: {"type": "text", "text": text}),
        st.just({"type": "thinking", "thinking": "hm", "signature": "x"}),
    ),
    max_size=3,
)
stops = st.sampled_from(["end_turn", "max_tokens", "refusal", "pause_turn", "something_new", None])
messages = st.builds(
    lambda content, stop: {
        "type": "succeeded",
        "message": {"id": "msg_1", "model": "m", "content": content, "usage": USAGE, "stop_reason": stop},
    },
    blocks,
    stops,
)
errors = st.sampled_from(["invalid_request_error", "api_error", "overloaded_error"]).map(
    lambda kind: {"type": "errored", "error": {"type": "error", "error": {"type": kind, "message": "no\u2028"}}}
)
others = st.sampled_from([{"type": "expired"}, {"type": "canceled"}, {"type": "unheard_of"}, {"type": "succeeded"}])
results = st.one_of(messages, errors, others)
places = st.integers(0, ROWS + 1)
lines = st.one_of(
    st.tuples(places, results),
    st.sampled_from([b"", b"{", b"null", b'{"custom_id": "x"}', b'{"custom_id": 1, "result": {}}', b"\xff\xfe"]),
)


def written(night: Night, stream: list[tuple[int, dict[str, object]] | bytes], end: bytes) -> None:
    fingerprint = night.run.need_plan().shards[0].fingerprint
    rows = [
        one
        if isinstance(one, bytes)
        else json.dumps({"custom_id": custom_id(fingerprint, one[0]), "result": one[1]}, ensure_ascii=False).encode()
        for one in stream
    ]
    with (
        atomic_output(night.run.shard(1).results(1)) as file,
        pa.CompressedOutputStream(pa.PythonFile(file, "w"), "zstd") as out,
    ):
        out.write(end.join(rows))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stream=st.lists(lines, max_size=2 * ROWS), end=st.sampled_from([b"\n", b"\r\n"]))
def test_any_stream_leaves_every_row_in_exactly_one_outcome(
    night: Night, stream: list[tuple[int, dict[str, object]] | bytes], end: bytes
) -> None:
    if not night.run.shard(1).attempts():
        night.scanned([f"mail {n}" for n in range(ROWS)], duplicates=(0, 3)).plan(rows=ROWS)
        night.create()
    written(night, stream, end)
    loaded = night.load()
    answered, failed = night.answers(), night.unresolved()
    ids = [*answered["item_id"].to_pylist(), *failed["item_id"].to_pylist()]
    assert sorted(ids) == sorted([*(f"mail-{n}" for n in range(ROWS)), "duplicate-0", "duplicate-1"])
    assert Counter(failed["outcome"].to_pylist()) + Counter(succeeded=len(answered)) == Counter(loaded.outcomes)
    known = {one[0] for one in stream if not isinstance(one, bytes) and one[0] < ROWS}
    assert loaded.outcomes.get("missing", 0) == sum(n not in known for n in [*range(ROWS), 0, 3])
