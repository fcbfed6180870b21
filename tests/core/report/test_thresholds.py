"""Which rows without an answer make a run red, which a warning, and which neither; on numbers alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_claude.core.report.ledger import Ledger, ShardCount
from airflow_provider_claude.core.report.thresholds import Limit, Thresholds, by_authors

GATE = "override"


def ledger(answered: int = 0, failed: dict[str, int] | None = None, aside: dict[str, int] | None = None) -> Ledger:
    failed, aside = failed or {}, aside or {}
    items = answered + sum(failed.values())
    outcomes = {"succeeded": answered, **failed}
    shard = ShardCount(shard=0, items=items, duplicates=0, answered=answered, failed=failed, loaded=outcomes)
    return Ledger.of(
        inputs=items + sum(aside.values()),
        items=items,
        duplicates=0,
        quarantined=aside,
        by_authors={reason: n for reason, n in aside.items() if reason == GATE},
        shards=[shard],
    )


def colour(one: Ledger, thresholds: Thresholds | None = None) -> str:
    thresholds = thresholds or Thresholds()
    return "red" if thresholds.breaches(one) else "warning" if thresholds.warnings(one) else "green"


class TestDefaults:
    @pytest.mark.parametrize("outcome", ["refused", "invalid", "truncated", "errored", "expired", "missing"])
    def test_one_row_of_twenty_does_not_stop_a_table(self, outcome):
        assert colour(ledger(19, {outcome: 1})) == "green"

    @pytest.mark.parametrize(
        ("answered", "failed", "aside", "expected"),
        [
            (70, {"refused": 30}, {}, "warning"),
            (70, {}, {GATE: 30}, "warning"),
            (85, {"invalid": 10, "truncated": 5}, {}, "warning"),
            (700_000, {"refused": 300_000}, {}, "warning"),
            (998_999, {"refused": 1_001}, {}, "warning"),
            (999_000, {"refused": 1_000}, {}, "green"),
            (98, {}, {GATE: 2}, "green"),
        ],
    )
    def test_what_authors_can_cause_is_published(self, answered, failed, aside, expected):
        assert colour(ledger(answered, failed, aside)) == expected

    @pytest.mark.parametrize("outcome", ["errored", "expired", "canceled", "missing", "unaffordable", "of a new kind"])
    def test_what_the_system_fails_is_red_from_six_per_cent_on(self, outcome):
        assert colour(ledger(94, {outcome: 6})) == "red"
        assert colour(ledger(95, {outcome: 5})) == "warning"

    def test_of_a_million_rows_the_system_may_fail_five_thousand(self):
        assert colour(ledger(995_000, {"errored": 5_000})) == "warning"
        assert colour(ledger(994_999, {"errored": 5_001})) == "red"

    def test_broken_data_is_red_long_before_what_authors_wrote_is(self):
        assert colour(ledger(90, aside={"broken_row": 10})) == "red"
        assert colour(ledger(90, aside={GATE: 10})) == "warning"

    @pytest.mark.parametrize("most", [{"refused": 51}, {"invalid": 21}, {"truncated": 12, "invalid": 12}])
    def test_a_job_that_fails_on_most_texts_is_red(self, most):
        assert colour(ledger(100 - sum(most.values()), most)) == "red"

    def test_a_gate_that_sets_aside_most_rows_is_red(self):
        assert colour(ledger(49, aside={GATE: 51})) == "red"
        assert colour(ledger(0, aside={GATE: 3})) == "red"

    @pytest.mark.parametrize("outcome", ["errored", "refused", "invalid"])
    def test_no_count_is_so_small_that_most_of_a_table_may_be_missing(self, outcome):
        assert colour(ledger(0, {outcome: 1})) == "red"
        assert colour(ledger(1, {outcome: 2})) == "red"

    def test_an_empty_night_is_green(self):
        assert colour(ledger()) == "green"


@settings(deadline=None, max_examples=200)
@given(answered=st.integers(0, 10**6), hostile=st.integers(0, 10**6))
def test_hostile_rows_stop_nothing_while_honest_rows_are_the_more(answered, hostile):
    for one in (ledger(answered, aside={GATE: hostile}), ledger(answered, {"refused": hostile})):
        assert (colour(one) == "red") == (hostile > answered)


class TestLimit:
    def test_a_share_equal_to_the_limit_is_within_it(self):
        assert Limit(0.05).allows(5, 100)
        assert not Limit(0.05).allows(6, 100)

    def test_few_rows_are_within_any_share_as_long_as_they_are_not_most(self):
        assert Limit(0.01, least=5).allows(5, 10)
        assert not Limit(0.01, least=5).allows(5, 9)

    def test_a_share_of_0_allows_none(self):
        assert not Limit(0).allows(1, 1_000_000)

    def test_many_rows_are_beyond_it_whatever_their_share(self):
        assert not Limit(1, most=10).allows(11, 1_000_000)


class TestWriting:
    def test_a_number_is_a_share(self):
        assert Thresholds(refused=0.02).refused == Limit(0.02)

    def test_a_share_of_0_of_any_kind_makes_one_row_red(self):
        assert colour(ledger(999, {"refused": 1}), Thresholds(refused=0)) == "red"

    def test_a_sentence_has_both_numbers_and_the_commonest_reasons(self):
        [sentence] = Thresholds().breaches(
            ledger(81, {"errored": 12, "expired": 3, "missing": 2, "canceled": 1, "unaffordable": 1})
        )
        assert sentence == (
            "19 of 100 asked rows failed for a reason that is not in their text (19.0%; max_failed is 5.0%, and 5,000 rows "
            "at most): 12 errored, 3 expired, 2 missing and 2 more reasons."
        )

    @pytest.mark.parametrize("share", [-0.1, 1.1, float("nan"), 5, "0.1", None, True])
    @pytest.mark.parametrize(("name", "parameter"), [("failed", "max_failed"), ("warn", "warn_above")])
    def test_a_value_that_is_no_share_is_refused_by_name(self, name, parameter, share):
        with pytest.raises(ValueError, match=f"{parameter}: .*write a number from 0 to 1"):
            Thresholds(**{name: share})

    @pytest.mark.parametrize("count", [-1, 1.5, True, "3"])
    def test_a_count_that_is_none_is_refused(self, count):
        with pytest.raises(ValueError, match="write a whole number from 0"):
            Limit(0.1, least=count)
        with pytest.raises(ValueError, match="write a whole number from 0"):
            Limit(0.1, most=count)

    def test_a_least_that_exceeds_most_is_refused(self):
        with pytest.raises(ValueError, match="write a smaller least or a larger most"):
            Limit(0.1, least=5, most=4)


@pytest.mark.parametrize(
    ("reason", "layer", "theirs"),
    [
        ("override", "signatures", True),
        ("reads_like_injection", "classifier", True),
        ("broken_row", "signatures", True),
        ("empty", "source", True),
        ("oversize", "source", True),
        ("duplicate_id", "source", True),
        ("broken_row", "source", False),
        ("missing_id", "source", False),
        ("of a new kind", "source", False),
    ],
)
def test_what_an_author_can_bring_about_is_distinguished_from_what_the_data_is(reason, layer, theirs):
    assert by_authors(reason, layer) is theirs
