"""Packed answers are compared with those alone, by place and by what stood beside them."""

from __future__ import annotations

from airflow_provider_claude.core.consistency.comparable import comparable
from airflow_provider_claude.core.packing.score_packs import Packed, Place, scores

SCHEMA = {
    "type": "object",
    "properties": {
        "label": {"enum": ["a", "b", "c"]},
        "urgent": {"type": "boolean"},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "amount": {"anyOf": [{"type": "number"}, {"type": "null"}]},
        "summary": {"type": "string"},
    },
}
LABEL = {"label": comparable(SCHEMA)["label"].same}


def labels(text: str) -> dict[str, dict[str, str]]:
    """An answer a letter; a dot has none."""
    return {str(n): {"label": letter} for n, letter in enumerate(text) if letter != "."}


def packed(text: str, size: int) -> Packed:
    places = {str(n): Place(n // size, n % size + 1) for n in range(len(text))}
    return Packed(size=size, answers=labels(text), places=places)


def test_a_row_scores_what_packing_adds_to_or_takes_from_its_agreement_with_itself() -> None:
    alone = labels("aabb"), labels("aabc")
    [found] = scores(LABEL, alone, [packed("abbb", 2), packed("abbc", 2)])
    # row 0 and 2: nothing changes; row 1 loses all; row 3 disagrees with itself, half of its packed pairs agree
    assert found.changes == [1, 0, 0, 0, 2, 0, 1, 0, 0]
    assert (found.alone, found.packed) == ((3, 4), (10, 16))


def test_agreement_is_counted_by_place_in_the_pack() -> None:
    alone = labels("aaaa"), labels("aaaa")
    [found] = scores(LABEL, alone, [packed("abab", 2)])
    assert found.places == [(4, 4), (0, 4)]


def test_an_answer_that_is_missing_does_not_count() -> None:
    alone = labels("aaa."), labels("aaaa")
    [found] = scores(LABEL, alone, [packed("a.aa", 2)])
    assert (found.rows, found.packed) == (2, (4, 4))


def test_answers_that_became_a_neighbours_are_counted_among_those_that_changed() -> None:
    alone = labels("abac"), labels("abac")
    [found] = scores(LABEL, alone, [packed("bbbc", 2)])
    assert (found.moved, found.to_neighbour) == (2, 1)
