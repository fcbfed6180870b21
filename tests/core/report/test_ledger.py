"""The conservation law, on numbers alone."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from airflow_provider_claude.core.report.ledger import Ledger, ShardCount
from airflow_provider_claude.errors import LedgerError

#: The machine may be busy with other things; how long an example takes says nothing here.
unhurried = settings(deadline=None, max_examples=60)
count = st.integers(0, 200)
outcomes = st.dictionaries(st.sampled_from(["refused", "truncated", "invalid", "expired", "missing"]), count)


@st.composite
def shard_counts(draw, number: int) -> ShardCount:
    answered, failed = draw(count), draw(outcomes)
    rows = answered + sum(failed.values())
    duplicates = draw(st.integers(0, rows))
    return ShardCount(
        shard=number,
        items=rows - duplicates,
        duplicates=duplicates,
        answered=answered,
        failed=failed,
        loaded={"succeeded": answered, **failed},
    )


@st.composite
def ledgers(draw) -> Ledger:
    shards = [draw(shard_counts(number)) for number in range(draw(st.integers(0, 6)))]
    quarantined = draw(st.dictionaries(st.sampled_from(["empty", "injection"]), count))
    items, duplicates = sum(s.items for s in shards), sum(s.duplicates for s in shards)
    return Ledger.of(
        inputs=items + duplicates + sum(quarantined.values()),
        items=items,
        duplicates=duplicates,
        quarantined=quarantined,
        shards=shards,
    )


def parts(ledger: Ledger) -> dict:
    return {name: getattr(ledger, name) for name in ("inputs", "items", "duplicates", "quarantined", "shards")}


def shard(number: int = 0, **changes) -> ShardCount:
    values = {"items": 10, "duplicates": 0, "answered": 10, "failed": {}, "loaded": {"succeeded": 10}} | changes
    return ShardCount(shard=number, **values)


def ledger_of(*shards: ShardCount) -> Ledger:
    items, duplicates = sum(s.items for s in shards), sum(s.duplicates for s in shards)
    return Ledger.of(inputs=items + duplicates, items=items, duplicates=duplicates, quarantined={}, shards=shards)


class TestConservation:
    @unhurried
    @given(ledgers())
    def test_any_distribution_that_adds_up_closes(self, ledger):
        ledger.check()
        ledger.check()
        assert ledger.gap == 0

    @unhurried
    @given(ledgers(), st.sampled_from(["inputs", "items", "duplicates"]), st.sampled_from([-1, 1]))
    def test_any_total_that_is_off_by_one_does_not_close(self, ledger, name, by):
        with pytest.raises(LedgerError):
            Ledger.of(**parts(ledger) | {name: getattr(ledger, name) + by}).check()

    @unhurried
    @given(ledgers(), st.data(), st.sampled_from([-1, 1]))
    def test_any_quarantine_count_that_is_off_by_one_does_not_close(self, ledger, data, by):
        assume(ledger.quarantined)
        reason = data.draw(st.sampled_from(sorted(ledger.quarantined)))
        changed = ledger.quarantined | {reason: ledger.quarantined[reason] + by}
        with pytest.raises(LedgerError):
            Ledger.of(**parts(ledger) | {"quarantined": changed}).check()

    @unhurried
    @given(ledgers(), st.data(), st.sampled_from(["items", "duplicates", "answered"]), st.sampled_from([-1, 1]))
    def test_any_shard_that_is_off_by_one_does_not_close(self, ledger, data, name, by):
        assume(ledger.shards)
        which = data.draw(st.integers(0, len(ledger.shards) - 1))
        shards = list(ledger.shards)
        old = {field: getattr(shards[which], field) for field in shards[which].__struct_fields__}
        shards[which] = ShardCount(**old | {name: old[name] + by})
        with pytest.raises(LedgerError):
            Ledger.of(**parts(ledger) | {"shards": shards}).check()

    def test_two_shards_whose_errors_cancel_out_are_both_named(self):
        short, long = shard(1, answered=9, loaded={"succeeded": 9}), shard(2, answered=11, loaded={"succeeded": 11})
        ledger = ledger_of(short, long)
        assert ledger.gap == 0
        assert ledger.problems() == [
            "Shard 1: 1 row of 10 not accounted for.",
            "Shard 2: 1 row too many; 10 expected.",
        ]

    def test_shards_that_were_never_loaded_are_named_with_their_rows(self):
        absent = [shard(n, answered=0, loaded=None) for n in (1, 2, 4)]
        assert ledger_of(shard(0), *absent).problems() == [
            "30 rows of 40 not accounted for.",
            "Shards 1, 2 and 4 were never loaded (30 rows).",
        ]

    def test_hundreds_of_absent_shards_take_one_sentence(self):
        problems = ledger_of(*(shard(n, answered=0, loaded=None) for n in range(300))).problems()
        assert problems[1] == "Shards 0, 1, 2, 3, 4, 5, 6, 7 and 292 more were never loaded (3,000 rows)."
        assert len(problems) == 2

    def test_hundreds_of_wrong_shards_are_counted_after_the_first_eight(self):
        problems = ledger_of(*(shard(n, answered=9, loaded={"succeeded": 9}) for n in range(300))).problems()
        assert len(problems) == 1 + 8 + 1
        assert problems[-1].startswith("292 more such differences")

    def test_a_shard_of_duplicates_owes_a_row_for_each(self):
        ledger_of(shard(duplicates=3, answered=13, loaded={"succeeded": 13})).check()
        with pytest.raises(LedgerError, match="3 rows of 13 not accounted for"):
            ledger_of(shard(duplicates=3)).check()

    def test_a_loaded_record_that_tells_another_story_is_said_so(self):
        with pytest.raises(LedgerError, match=r"loaded\.json says 9 succeeded, 1 refused; its files hold 10 succeeded"):
            ledger_of(shard(loaded={"succeeded": 9, "refused": 1})).check()

    def test_files_without_a_loaded_record_are_an_unfinished_load(self):
        with pytest.raises(LedgerError, match="Shard 0: its load did not finish"):
            ledger_of(shard(loaded=None)).check()

    def test_zero_counts_in_a_loaded_record_mean_nothing(self):
        ledger_of(shard(loaded={"succeeded": 10, "refused": 0})).check()
