"""Costs, times, tallies, examples and texts of the report."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_claude.core.cost.estimate import LaneCost, PlannedCost
from airflow_provider_claude.core.cost.run_costs import Costs, Spent
from airflow_provider_claude.core.legible import excerpt, legible
from airflow_provider_claude.core.report.examples import Examples
from airflow_provider_claude.core.report.page import cents, duration, moment, money, share
from airflow_provider_claude.core.report.summary import asked
from airflow_provider_claude.core.report.tally import OTHER, ColumnTally, Tally
from airflow_provider_claude.core.report.timeline import ShardSpan, bars, last_loading, near, slowest
from airflow_provider_claude.core.times import due

#: The machine may be busy with other things; how long an example takes says nothing here.
unhurried = settings(deadline=None, max_examples=60)
usd = st.decimals(0, 1000, places=12)


def span(
    number: int, start: str | None = "00:10", ended: str | None = "01:00", loaded: str | None = "01:05"
) -> ShardSpan:
    def at(time):
        return None if time is None else f"2026-11-22T{time}:00Z"

    return ShardSpan(
        shard=number,
        rows=10,
        lane="batch",
        attempts=1,
        created_at=at(start),
        ended_at=at(ended),
        loaded_at=at(loaded),
    )


def tally_of(values, kind: pa.DataType, batches: int = 1) -> ColumnTally:
    tally = ColumnTally(pa.field("x", kind))
    for _ in range(batches):
        tally.add(pa.array(values, kind))
    return tally


class TestCosts:
    @unhurried
    @given(usd, usd, usd)
    def test_what_was_saved_is_what_the_batch_lane_cost(self, batch, sync, failed):
        costs = Costs.of(batch=batch, sync=sync, failed=failed, estimated=None, tokens={})
        assert costs.saved == batch
        assert costs.actual == batch + sync + failed

    def test_what_earlier_runs_of_the_day_paid_is_part_of_its_costs_and_saves_nothing(self):
        spent = Spent(replaced=Decimal(3), this_run=Decimal(1), unsure=Decimal("0.5"), unsure_requests=7)
        one = Decimal(1)
        costs = Costs.of(batch=one, sync=one, failed=one, estimated=None, tokens={}, spent=spent)
        assert (costs.actual, costs.saved, costs.this_run, costs.unsure) == (6, 1, 1, Decimal("0.5"))
        assert costs.sentence() == (
            "Paid: $6.00 for this day so far, $1.00 of it by this run; up to $0.5000 more may have been paid for 7 requests "
            "without an answer."
        )

    def test_an_estimate_is_read_by_lane_and_may_be_absent(self):
        assert PlannedCost(lanes={"batch": LaneCost(cost_usd="0.12")}).usd("batch") == Decimal("0.12")
        assert PlannedCost(lanes={"batch": LaneCost(cost_usd="0.12")}).usd("sync") is None
        assert PlannedCost().usd("batch") is None


class TestTimeline:
    @unhurried
    @given(st.integers(0, 3000), st.integers(1, 40))
    def test_there_are_never_more_bars_than_the_limit_and_never_none_for_shards(self, shards, limit):
        drawn = bars([span(n) for n in range(shards)], limit)
        assert len(drawn) <= limit
        assert bool(drawn) == bool(shards)

    def test_shards_that_share_a_bar_span_it_from_first_to_last(self):
        [bar] = bars([span(0, "00:30", "01:00", "01:10"), span(1, "00:10", "02:00", "02:05")], 1)
        assert (bar.label, bar.loaded - bar.start) == ("0–1", (60 + 55) * 60)

    def test_a_shard_that_was_never_sent_has_no_bar_and_one_that_never_ended_a_point(self):
        assert bars([span(0, None, None, None)]) == []
        [bar] = bars([span(1, ended=None, loaded=None)])
        assert bar.start == bar.ended == bar.loaded

    def test_the_slowest_come_first_and_the_unfinished_are_left_out(self):
        spans = [span(0), span(1, loaded="03:00"), span(2, loaded=None), span(3, loaded="02:00")]
        assert [s.shard for s in slowest(spans, 2)] == [1, 3]

    def test_the_night_is_loaded_when_its_last_shard_has(self):
        assert last_loading([span(0), span(1, loaded="03:00")]) == "2026-11-22T03:00:00Z"
        assert last_loading([span(0), span(1, loaded=None)]) is None
        assert last_loading([]) is None

    def test_a_deadline_is_drawn_only_where_it_does_not_squeeze_the_bars(self):
        drawn = bars([span(0)])
        assert near(drawn, due("2026-11-22T01:30:00Z")) is not None
        assert near(drawn, due("2026-11-22T09:00:00Z")) is None
        assert near(drawn, due(None)) is None


class TestTally:
    @unhurried
    @given(st.lists(st.text(max_size=3), max_size=60), st.integers(0, 5))
    def test_counts_add_up_whatever_the_limit(self, values, limit):
        tally = Tally(limit)
        tally.add(pa.array(values, pa.string()))
        assert tally.counts.total() == len(values)
        assert len(tally.counts) <= limit + 1

    def test_values_beyond_the_limit_are_counted_as_other(self):
        tally = Tally(1)
        tally.add(pa.array(["a", "b", None]))
        tally.add(pa.array(["a", "c"]))
        assert tally.counts == {"a": 2, OTHER: 2}

    def test_few_texts_are_counted_over_batches_and_nulls_apart(self):
        summary = tally_of(["a", "b", "a", None], pa.string(), batches=2).summary()
        assert (summary.values, summary.nulls, summary.rows) == ({"a": 4, "b": 2}, 2, 8)

    def test_a_dictionary_column_counts_like_text(self):
        assert tally_of(["a", None, "a"], pa.dictionary(pa.int8(), pa.string())).summary().values == {"a": 2}

    def test_a_list_column_counts_its_elements(self):
        assert tally_of([["a", "b"], None, ["a"]], pa.list_(pa.string())).summary().values == {"a": 2, "b": 1}

    def test_booleans_are_spelled_as_json_does(self):
        assert tally_of([True, False, True], pa.bool_()).summary().values == {"true": 2, "false": 1}

    @pytest.mark.parametrize("values", [[f"text {i}" for i in range(25)], ["x" * 81]])
    def test_many_or_long_texts_are_free_text_and_never_become_few_again(self, values):
        tally = tally_of(values, pa.string())
        tally.add(pa.array(["a"]))
        assert tally.summary().values is None

    @pytest.mark.parametrize("kind", [pa.int32(), pa.float64(), pa.decimal128(10, 2)])
    def test_numbers_have_a_range_and_a_mean(self, kind):
        numbers = tally_of([1, None, 4], kind, batches=2).summary().numbers
        assert (numbers.least, numbers.greatest, numbers.mean) == (1, 4, 2.5)

    def test_what_is_not_finite_is_left_out_and_nothing_has_no_mean(self):
        assert tally_of([float("nan"), float("inf"), 2.0], pa.float64()).summary().numbers.mean == 2
        assert tally_of([None], pa.float64()).summary().numbers is None

    def test_other_types_are_named_and_not_summed_up(self):
        summary = tally_of([{"a": 1}], pa.struct([("a", pa.int8())])).summary()
        assert (summary.values, summary.numbers, summary.type) == (None, None, "struct<a: int8>")


class TestExamples:
    def test_the_first_rows_of_each_reason_are_kept_over_batches(self):
        reasons = ["a", "a", "a", "b"]
        batch = pa.record_batch({"item_id": list("1234"), "r": reasons, "d": reasons, "t": ["x" * 300, None, "", "y"]})
        examples = Examples()
        for _ in range(3):
            examples.add(batch, reason="r", detail="d", text=["t"])
        assert [(e.item_id, e.reason) for e in examples.found] == [("1", "a"), ("2", "a"), ("4", "b"), ("4", "b")]
        assert len(examples.found[0].excerpt) == 200

    def test_there_is_a_bound_on_reasons_too(self):
        many = [f"reason {i}" for i in range(100)]
        examples = Examples()
        examples.add(pa.record_batch({"item_id": many, "r": many, "d": many}), reason="r", detail="d", text=[])
        assert len(examples.found) == 20


class TestText:
    @unhurried
    @given(st.text())
    def test_nothing_that_acts_survives(self, text):
        shown = legible(text)
        assert not any(ord(c) < 32 and c not in "\t\n" for c in shown)
        assert not set("\u202e\u2066\u200b\x7f") & set(shown)

    def test_plain_text_of_any_script_stays_as_it_is(self):
        assert legible("Grüße, 日本語, עברית 👩‍👩‍👧") == "Grüße, 日本語, עברית 👩‍👩‍👧"

    def test_an_override_is_written_out(self):
        assert legible("a\u202eb\x00") == "a⟨U+202E⟩b⟨U+0000⟩"

    @unhurried
    @given(st.text(), st.integers(1, 50))
    def test_an_excerpt_is_bounded_and_on_one_line(self, text, length):
        short = excerpt(text, length)
        assert len(short) <= length
        assert "\n" not in short

    def test_an_excerpt_says_that_there_was_more(self):
        assert excerpt("abcdef", 4) == "abc…"
        assert excerpt("abcd", 4) == "abcd"


class TestFormats:
    @pytest.mark.parametrize(
        ("part", "whole", "shown"),
        [
            (1, 3, "33.3%"),
            (0, 5, "0.0%"),
            (1, 100_000, "< 0.1%"),
            (99_999, 100_000, "> 99.9%"),
            (5, 5, "100.0%"),
            (0, 0, "–"),
        ],
    )
    def test_a_share_never_rounds_to_none_or_all(self, part, whole, shown):
        assert share(part, whole) == shown

    @pytest.mark.parametrize(
        ("total", "shown"), [("1234.5", "$1,234.50"), ("0.5", "$0.500"), ("0.00012", "$0.000120"), ("0", "$0.00")]
    )
    def test_small_sums_get_the_decimals_they_need(self, total, shown):
        assert money(Decimal(total), cents(Decimal(total))) == shown

    def test_times_carry_their_zone(self):
        assert moment("2026-11-22T09:00:00+01:00", "Europe/Berlin") == "2026-11-22 09:00 CET"
        assert moment("2026-11-22T09:00:00Z") == moment("2026-11-22T09:00:00") == "2026-11-22 09:00 UTC"
        assert moment(None) == "–"

    @pytest.mark.parametrize(("seconds", "shown"), [(40, "40 s"), (720, "12 min"), (7500, "2 h 05 min"), (None, "–")])
    def test_durations_are_in_the_unit_one_would_say(self, seconds, shown):
        assert duration(seconds) == shown


def test_fields_are_described_in_a_few_words_through_references_and_unions():
    """A Pydantic enum, an optional, a list and a nested model all get a readable type."""
    schema = {
        "$defs": {"Mood": {"enum": ["good", "bad"]}, "Sub": {"type": "object"}},
        "properties": {
            "mood": {"$ref": "#/$defs/Mood"},
            "maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "tags": {"type": "array", "items": {"type": "string"}},
            "sub": {"$ref": "#/$defs/Sub"},
            "both": {"type": ["string", "null"]},
            "any": {},
        },
    }
    fields = asked("m", schema, prompt_hash="p", schema_hash="s").fields
    assert fields == {
        "mood": "one of good, bad",
        "maybe": "integer or null",
        "tags": "list of string",
        "sub": "object",
        "both": "string or null",
        "any": "any",
    }
