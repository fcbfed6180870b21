"""What no rule is written from stays apart from what is learnt from."""

from __future__ import annotations

from pathlib import Path

from benchmarks.gate import apart, data, kinds
from benchmarks.gate.rates import share


def test_a_collection_is_divided_without_overlap_and_the_reserve_comes_only_on_request(shared_data: Path) -> None:
    path = shared_data / "injections.parquet"
    open_rows, kept = (
        data.divided(path, ["id", "source", "group"]),
        data.divided(path, ["id", "source", "group"], reserve=True),
    )
    groups = [{(row["source"], row["group"]) for row in rows} for rows in (open_rows, kept)]
    assert not groups[0] & groups[1]
    assert len(kept) > len(open_rows) / 5


def test_no_way_to_say_something_is_in_the_grammars_of_training_and_in_those_apart() -> None:
    learnt = kinds.grammar(*(kinds.HERE / name for name in kinds.GRAMMARS))
    ways = {way for some in learnt.values() for way in some if len(way) > 12}
    for name in ("steering.txt", "honest.txt"):
        measured = kinds.grammar(apart.FOLDER / name)
        assert not ways & {way for some in measured.values() for way in some}


def test_a_text_that_steers_holds_its_order() -> None:
    mails = apart.steering(2)
    assert {mail.lang for mail in mails} == apart.LANGUAGES.keys()
    assert all(mail.order in mail.text and "LABEL" not in mail.text for mail in mails)


def test_a_rate_has_its_interval() -> None:
    assert share(0, 0) == "–"
    assert share(1, 10) == "10 % (1.79–40)"
    assert share(10, 10) == "100 % (72–100)"
