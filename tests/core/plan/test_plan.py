from __future__ import annotations

from decimal import Decimal

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.cost.estimate import Facts, estimate, explain
from airflow_provider_claude.core.cost.prices import Usage, price_of, to_usd
from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.deadline.due import next_wall_clock
from airflow_provider_claude.core.plan.cut_shards import MAX_BYTES, MAX_REQUESTS, Limits, cut, sizes
from airflow_provider_claude.errors import JobError

HAIKU = price_of("claude-haiku-5-5")


class TestPrices:
    def test_a_million_tokens_cost_what_the_price_list_says(self) -> None:
        assert to_usd(HAIKU.picodollars(Usage(input=100_000), lane="sync")) == Decimal("0.01")
        assert to_usd(HAIKU.picodollars(Usage(output=1_000_000), lane="sync")) == Decimal("0.5")

    def test_a_batch_costs_half(self) -> None:
        usage = Usage(input=1001, output=77, cache_read=12, cache_write_5m=2, cache_write_1h=4)
        assert HAIKU.picodollars(usage, lane="batch") * 2 == HAIKU.picodollars(usage, lane="sync")

    def test_a_prompt_beyond_the_tier_is_repriced_whole_cache_reads_counted(self) -> None:
        below, above = Usage(input=50_000, cache_read=50_000), Usage(input=50_000, cache_read=50_001)
        assert to_usd(HAIKU.picodollars(below, lane="sync")) == Decimal("0.0055")
        assert to_usd(HAIKU.picodollars(above, lane="sync")) == Decimal("0.02750005")

    def test_an_unknown_model_says_where_to_put_its_price(self) -> None:
        with pytest.raises(JobError, match=r"prices of the model 'claude-x' are not known.*prices="):
            price_of("claude-x")

    def test_a_price_of_the_users_own_wins(self) -> None:
        tier = {"input": "1", "output": "2", "cache_read": "0", "cache_write_5m": "0", "cache_write_1h": "0"}
        price = price_of("claude-x", {"claude-x": [tier]})
        assert to_usd(price.picodollars(Usage(input=1_000_000), lane="sync")) == 1

    @pytest.mark.parametrize("input_price", ["-1", "NaN", "801", "0.0000001234567"])
    def test_a_price_that_cannot_be_counted_in_whole_picodollars_is_refused(self, input_price: str) -> None:
        tier = {"input": input_price, "output": "2", "cache_read": "0", "cache_write_5m": "0", "cache_write_1h": "0"}
        with pytest.raises(JobError, match="claude-x"):
            price_of("claude-x", {"claude-x": [tier]})

    @pytest.mark.parametrize("bounds", [[None, None], [5, 5, None], [9, 5, None], [5]])
    def test_tiers_that_do_not_ascend_to_one_without_a_bound_are_refused(self, bounds: list[int | None]) -> None:
        tier = dict.fromkeys(("input", "output", "cache_read", "cache_write_5m", "cache_write_1h"), "1")
        with pytest.raises(JobError, match="ascending"):
            price_of("claude-x", {"claude-x": [{**tier, "up_to": bound} for bound in bounds]})

    @pytest.mark.parametrize("tiers", [[], [{"input": "1"}], [{"input": "free"}], "cheap"])
    def test_a_malformed_price_is_refused(self, tiers: object) -> None:
        with pytest.raises(JobError, match="claude-x"):
            price_of("claude-x", {"claude-x": tiers})  # type: ignore[dict-item]


ROWS = st.lists(st.tuples(st.integers(1, 50), st.binary(min_size=1, max_size=4)), max_size=60)


class TestShards:
    @given(ROWS, st.integers(1, 20), st.integers(52, 200), st.integers(0, 9))
    def test_shards_hold_every_row_once_in_order_within_both_limits(
        self, rows: list[tuple[int, bytes]], most: int, size: int, start: int
    ) -> None:
        pieces = list(cut(rows, Limits(rows=most, bytes=size), start=start, envelope=2))
        edges = [start, *(piece.stop for piece in pieces)]
        assert [piece.start for piece in pieces] == edges[:-1]
        assert edges[-1] == start + len(rows)
        for piece in pieces:
            mine = rows[piece.start - start : piece.stop - start]
            assert 1 <= len(mine) <= most
            assert piece.bytes == 2 + sum(b for b, _ in mine) <= size

    def test_the_fingerprint_is_of_the_content_and_not_of_the_place(self) -> None:
        rows = [(5, b"a"), (5, b"b")]
        [one] = cut(rows, Limits(), start=0, envelope=2)
        [same] = cut(rows, Limits(), start=70, envelope=2)
        [other] = cut(rows[::-1], Limits(), start=0, envelope=2)
        assert one.fingerprint == same.fingerprint != other.fingerprint

    def test_a_row_that_no_batch_can_hold_is_named(self) -> None:
        with pytest.raises(JobError, match=r"item 4 needs 90 bytes"):
            list(cut([(5, b"a"), (90, b"b")], Limits(bytes=80), start=3, envelope=2))

    @pytest.mark.parametrize("limits", [{"rows": 0}, {"rows": 100_001}, {"bytes": 0}, {"bytes": MAX_BYTES + 1}])
    def test_limits_beyond_the_apis_are_refused(self, limits: dict[str, int]) -> None:
        with pytest.raises(JobError, match="write a whole number from 1 to"):
            Limits(**limits)

    @pytest.mark.parametrize(
        ("items", "without", "with_deadline"),
        [(0, 0, 0), (1, 1, 1), (19_999, 1, 2), (100_000, 4, 10), (200_000, 4, 20), (1_000_000, 20, 100)],
    )
    def test_without_a_number_the_plan_cuts_few_shards_and_more_where_there_is_a_deadline(
        self, items: int, without: int, with_deadline: int
    ) -> None:
        for deadline, shards in ((False, without), (True, with_deadline)):
            assert len(sizes(items, Limits().chosen_for(items, deadline=deadline).rows or 0)) == shards

    @given(st.integers(1, 3_000_000), st.booleans())
    def test_shards_that_the_plan_chooses_hold_all_items_and_no_more_than_a_batch_does(
        self, items: int, deadline: bool
    ) -> None:
        rows = sizes(items, Limits().chosen_for(items, deadline=deadline).rows or 0)
        assert sum(rows) >= items
        assert max(rows) <= MAX_REQUESTS

    def test_a_number_that_is_given_holds_for_every_night(self) -> None:
        assert Limits(rows=7).chosen_for(10**6, deadline=False).rows == 7


class TestDeadline:
    @pytest.mark.parametrize(
        ("after", "due"),
        [
            ("2026-11-22T23:00:00Z", "2026-11-23T09:00:00+01:00"),  # a winter midnight in Berlin
            ("2026-06-01T22:00:00Z", "2026-06-02T09:00:00+02:00"),  # a summer one
            ("2026-03-28T23:00:00Z", "2026-03-29T09:00:00+02:00"),  # the night an hour is lost
            ("2026-10-24T22:00:00Z", "2026-10-25T09:00:00+01:00"),  # the night an hour is won
            ("2026-11-23T08:00:00Z", "2026-11-24T09:00:00+01:00"),  # nine itself is past
        ],
    )
    def test_nine_is_nine_on_the_wall(self, after: str, due: str) -> None:
        moment = pendulum.parse(after)
        assert isinstance(moment, pendulum.DateTime)
        assert next_wall_clock(moment, "09:00", "Europe/Berlin").isoformat() == due

    @pytest.mark.parametrize("at", ["9", "24:00", "09:60", "nine", "", "09:00:00"])
    def test_what_is_no_time_of_day_is_refused(self, at: str) -> None:
        with pytest.raises(JobError, match="HH:MM"):
            next_wall_clock(pendulum.now("UTC"), at, "UTC")


class TestEstimate:
    def test_a_measured_request_calibrates_the_tokens(self) -> None:
        model = TokenModel().calibrated(request_bytes=1000, input_tokens=500, output_tokens=7)
        assert (model.input_tokens(4000), model.output_tokens(3)) == (2000, 21)

    def test_a_batch_is_estimated_at_half_the_synchronous_price(self) -> None:
        cost = estimate(10, 31_000, TokenModel(), HAIKU).cost
        assert cost["batch"] * 2 == cost["sync"] > 0

    def test_the_plan_is_reported_in_sentences_with_its_numbers(self) -> None:
        facts = Facts(
            rows=12, items=9, quarantined=2, duplicates=1, reused=1, shards=[5, 3], model="claude-haiku-5-5", price_source="list",
            trial="Tried.", deadline="2026-11-23T09:00:00+01:00",
        )  # fmt: skip
        text = " ".join(explain(facts, estimate(9, 9000, TokenModel(), HAIKU)))
        for part in (
            "12 rows",
            "9 are to be answered",
            "1 repeat",
            "2 were set aside",
            "2 shards",
            "1 items have an answer",
            "Due by 2026-11-23",
        ):
            assert part in text

    def test_an_empty_night_says_so(self) -> None:
        facts = Facts(
            rows=0,
            items=0,
            quarantined=0,
            duplicates=0,
            reused=0,
            shards=[],
            model="m",
            price_source="",
            trial="",
            deadline=None,
        )
        assert "no rows tonight" in explain(facts, estimate(0, 0, TokenModel(), HAIKU))[0]
