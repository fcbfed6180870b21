from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any, NoReturn

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_claude.core.requests.request_bytes import custom_id
from airflow_provider_claude.errors import StateError, Transient
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.store import atomic_output, write_record
from tests.stages.conftest import Night, scan_by_hand

TEXTS = ["I love it", "I hate it", "It is a box", "Thank you so much", "Terrible, never again"]


def sent(night: Night, texts: list[str] = TEXTS, duplicates: tuple[int, ...] = ()) -> str:
    night.scanned(texts, duplicates).plan(rows=100)
    return night.create()


def results(night: Night, lines: list[bytes]) -> None:
    """Put *lines* in the place of the downloaded results."""
    with (
        atomic_output(night.run.shard(1).file("1.results.jsonl.zst")) as stream,
        pa.CompressedOutputStream(pa.PythonFile(stream, "w"), "zstd") as out,
    ):
        out.write(b"\n".join(lines))


def line(night: Night, index: int, answer: Any = None, **result: Any) -> bytes:
    message = {
        "id": f"msg_{index}",
        "model": "claude-haiku-5-5",
        "content": [{"type": "text", "text": json.dumps(answer, ensure_ascii=False)}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 100, "output_tokens": 10},
    }
    plan = night.run.need_plan()
    body = {
        "custom_id": custom_id(plan.shards[0].fingerprint, index),
        "result": result or {"type": "succeeded", "message": message},
    }
    return json.dumps(body, ensure_ascii=False).encode()


GOOD = {"sentiment": "positive", "confidence": 0.5}


def test_every_row_becomes_a_typed_answer_with_its_provenance(night: Night) -> None:
    batch = sent(night)
    record = night.load()
    table = night.answers()
    assert record.outcomes == {"succeeded": 5}
    rows = {row["item_id"]: row for row in table.to_pylist()}
    assert rows["mail-1"]["sentiment"] == "negative"
    row = rows["mail-0"]
    assert (row["claude_batch_id"], row["claude_lane"], row["claude_attempt"]) == (batch, "batch", 1)
    assert row["claude_cost_usd"] == Decimal(
        row["claude_input_tokens"] * 50_000 + row["claude_output_tokens"] * 250_000
    ).scaleb(-12)
    assert row["sender"] == "s0@example.org"
    assert len(row["claude_request_hash"]) == len(row["claude_input_hash"]) == len(row["claude_prompt_hash"]) == 64
    assert str(table.schema.field("claude_loaded_at").type) == "timestamp[us, tz=UTC]"


def test_the_request_hash_is_of_the_very_bytes_that_were_sent(night: Night) -> None:
    import hashlib

    from airflow_provider_claude.core.requests.request_bytes import RequestEncoder

    sent(night)
    night.load()
    encoder = RequestEncoder(night.run.need_plan().job)
    expected = {hashlib.sha256(p).hexdigest() for p in encoder.params({"body": TEXTS})}
    assert set(night.answers()["claude_request_hash"].to_pylist()) == expected


def test_a_load_calls_nothing_that_has_arrow_import_pandas(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    sent(night, duplicates=(1,))

    def importing(*_: object, **__: object) -> NoReturn:
        raise AssertionError("this imports pandas; see core.arrays")

    monkeypatch.setattr(pa, "array", importing)
    monkeypatch.setattr(pa, "scalar", importing)
    assert night.load().outcomes == {"succeeded": len(TEXTS) + 1}


def test_a_duplicate_takes_the_answer_of_its_original_under_its_own_id_at_no_cost(night: Night) -> None:
    sent(night, duplicates=(1, 1))
    assert night.load().outcomes == {"succeeded": 7}
    rows = {row["item_id"]: row for row in night.answers().to_pylist()}
    for duplicate in ("duplicate-0", "duplicate-1"):
        assert rows[duplicate]["sentiment"] == rows["mail-1"]["sentiment"]
        assert rows[duplicate]["duplicate_of"] == "mail-1"
        assert rows[duplicate]["claude_cost_usd"] == 0
    assert rows["duplicate-0"]["sender"] == "t0@example.org"


def test_the_same_texts_under_other_ids_land_under_the_ids_they_have_now(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    sent(night)
    night.load()
    scan_by_hand(night.run, TEXTS, name="renamed")
    night.plan(rows=100)
    night.create()
    night.load()
    assert night.answers()["item_id"].to_pylist()[0].startswith("renamed-")
    assert claude_simulator.calls()["create"] == 1


def test_a_plan_of_an_earlier_scan_is_not_loaded(night: Night) -> None:
    sent(night)
    scan_by_hand(night.run, TEXTS, at="2026-11-24T00:00:00+00:00")
    with pytest.raises(StateError, match="earlier scan"):
        night.load()


def test_loading_twice_equals_loading_once_and_downloads_once(night: Night, claude_simulator: SimulatorProcess) -> None:
    sent(night)
    first, table = night.load(), night.answers()
    second = night.load()
    assert (first.outcomes, first.cost_usd) == (second.outcomes, second.cost_usd)
    assert night.answers().drop_columns("claude_loaded_at") == table.drop_columns("claude_loaded_at")
    assert claude_simulator.calls()["results"] == 1


def test_a_batch_that_has_not_ended_is_left_to_a_retry(night: Night, claude_simulator: SimulatorProcess) -> None:
    claude_simulator.pace("polls:9")
    sent(night)
    with pytest.raises(Transient, match="has not ended"):
        night.load()


def test_results_cut_in_the_middle_are_downloaded_again(night: Night, claude_simulator: SimulatorProcess) -> None:
    sent(night)
    claude_simulator.fault("cut_results", share=0.5)
    assert night.load().outcomes == {"succeeded": 5}
    assert claude_simulator.calls()["results"] == 2


@pytest.mark.parametrize("route", ["results", "retrieve"])
def test_a_404_right_after_the_end_is_a_blip(night: Night, claude_simulator: SimulatorProcess, route: str) -> None:
    sent(night)
    claude_simulator.fault("not_found_after_create", times=2, route=route)
    assert night.load().outcomes == {"succeeded": 5}


def test_each_kind_of_failure_ends_as_a_leftover_with_its_reason(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.behaviour(refusal=1.0)
    sent(night, duplicates=(0,))
    assert night.load().outcomes == {"refused": 6}
    table = night.unresolved()
    assert set(table["outcome"].to_pylist()) == {"refused"}
    assert table["duplicate_of"].to_pylist().count("mail-0") == 1
    assert len(night.answers()) == 0


def test_missing_repeated_unknown_and_broken_lines_are_counted_apart_and_never_guessed(night: Night) -> None:
    sent(night)
    foreign = line(night, 0, GOOD).replace(b'"custom_id": "', b'"custom_id": "x')
    results(night, [line(night, 0, GOOD), line(night, 1, GOOD), line(night, 1, GOOD), foreign, b"{", b"", b"null"])
    record = night.load()
    assert record.outcomes == {"succeeded": 2, "missing": 3}
    assert record.unmatched == {"repeated": 1, "unknown": 1, "unreadable": 2}
    assert sorted(night.unresolved()["item_id"].to_pylist()) == ["mail-2", "mail-3", "mail-4"]


def test_line_ends_of_windows_and_separators_inside_strings_break_nothing(night: Night) -> None:
    night.job = replace(
        night.job, output={"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    )
    sent(night, ["x", "y"])
    odd = {"a": "one\u2028two\u0085three"}
    results(night, [line(night, 0, odd) + b"\r", line(night, 1, odd) + b"\r", b"\r"])
    assert night.load().outcomes == {"succeeded": 2}
    assert night.answers()["a"].to_pylist() == ["one\ntwo\nthree"] * 2
    assert night.answers()["claude_flags"].to_pylist() == [["cleaned"]] * 2


def test_a_number_too_large_for_its_column_fails_its_own_row_only(night: Night) -> None:
    night.job = replace(
        night.job, output={"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    )
    sent(night, ["x", "y"])
    results(night, [line(night, 0, {"n": 2**70}), line(night, 1, {"n": 7})])
    assert night.load().outcomes == {"succeeded": 1, "invalid": 1}
    assert "does not fit" in night.unresolved()["reason"][0].as_py()


def test_half_a_surrogate_pair_fails_its_own_row_only(night: Night) -> None:
    night.job = replace(
        night.job, output={"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    )
    sent(night, ["x", "y"])
    bad = line(night, 0, {"a": "MARK"}).replace(b"MARK", rb"\\ud800")
    results(night, [bad, line(night, 1, {"a": "b"})])
    assert night.load().outcomes == {"succeeded": 1, "invalid": 1}


def test_nested_answers_become_structs(night: Night) -> None:
    inner = {
        "type": "object",
        "properties": {"x": {"type": "integer"}},
        "required": ["x"],
        "additionalProperties": False,
    }
    night.job = replace(
        night.job,
        output={
            "type": "object",
            "properties": {"o": inner, "l": {"type": "array", "items": inner}},
            "required": ["o", "l"],
        },
    )
    sent(night, ["x"])
    results(night, [line(night, 0, {"o": {"x": 1}, "l": [{"x": 2}]})])
    night.load()
    assert night.answers().select(["o", "l"]).to_pylist() == [{"o": {"x": 1}, "l": [{"x": 2}]}]


def test_another_output_than_the_planned_one_is_refused(night: Night) -> None:
    sent(night)
    night.job = replace(night.job, output={"type": "object", "properties": {"a": {"type": "string"}}})
    with pytest.raises(StateError, match="another schema"):
        night.load()


def test_a_shard_that_was_not_submitted_is_refused(night: Night) -> None:
    night.scanned(TEXTS).plan()
    with pytest.raises(StateError, match="has not been submitted"):
        night.load()


def test_a_row_of_100_kilobytes_lands_whole(night: Night) -> None:
    night.job = replace(
        night.job, output={"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    )
    sent(night, ["x"])
    results(night, [line(night, 0, {"a": "ü" * 50_000})])
    night.load()
    [back] = pq.read_table(night.run.part("answers", 1).path)["a"].to_pylist()
    assert back == "ü" * 50_000


def test_another_model_than_the_one_that_was_asked_stands_in_the_log_of_the_load(
    night: Night, caplog: pytest.LogCaptureFixture
) -> None:
    night.scanned(["good", "bad"]).plan()
    night.create()
    night.load()
    assert not caplog.messages
    record = night.run.need_plan()
    asked = msgspec.structs.replace(
        record, job=msgspec.structs.replace(record.job, model="claude-opus-9"), model_id=None
    )
    write_record(night.run.file("plan.json"), asked)
    night.load()
    [said] = caplog.messages
    assert said.startswith("Shard 1: claude-opus-9 was asked, and another model has answered: claude-haiku-5-5")
