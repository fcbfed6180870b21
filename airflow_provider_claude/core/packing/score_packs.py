"""Scores of packs from the answers to one sample: how far the answers of packs agree with those alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from airflow_provider_claude.core.consistency.comparable import Answers, Same
from airflow_provider_claude.core.packing.pack_verdict import QUARTERS, Scores


class Place(NamedTuple):
    """Where an item was asked: the number of its request, and its place in it from 1."""

    request: int
    place: int


@dataclass(frozen=True, kw_only=True)
class Packed:
    """The answers of one asking in packs of at most *size* items, and where each item stood."""

    size: int
    answers: Answers
    places: Mapping[str, Place]

    def neighbours(self) -> dict[str, list[str]]:
        """By item, the others of its request."""
        requests: dict[int, list[str]] = {}
        for item, place in self.places.items():
            requests.setdefault(place.request, []).append(item)
        return {item: [one for one in requests[place.request] if one != item] for item, place in self.places.items()}


def scores(fields: Mapping[str, Same], alone: tuple[Answers, Answers], packs: Sequence[Packed]) -> list[Scores]:
    """The scores of each size and field. Rows without two answers alone, and packed answers that are missing, do not count:
    they would be asked alone again.
    """
    sizes = sorted({one.size for one in packs})
    return [
        _score(size, field, same, alone, [one for one in packs if one.size == size])
        for size in sizes
        for field, same in fields.items()
    ]


def _score(size: int, field: str, same: Same, alone: tuple[Answers, Answers], packs: Sequence[Packed]) -> Scores:
    changes, places = [0] * (2 * QUARTERS + 1), [[0, 0] for _ in range(size)]
    floor = moved = to_neighbour = rows = 0
    near = [one.neighbours() for one in packs]
    for item in sorted(alone[0].keys() & alone[1].keys()):
        first, second = alone[0][item][field], alone[1][item][field]
        pairs: list[bool] = []
        for asking, neighbours in zip(packs, near, strict=True):
            if item not in asking.answers or item not in asking.places:
                continue
            value = asking.answers[item][field]
            agreed = [same(value, first), same(value, second)]
            pairs += agreed
            place = places[asking.places[item].place - 1]
            place[0], place[1] = place[0] + sum(agreed), place[1] + len(agreed)
            beside = list(_others(neighbours[item], field, alone, same, (first, second)))
            if not any(agreed) and beside:
                moved += 1
                to_neighbour += any(same(value, one) for one in beside)
        if pairs:
            agree = same(first, second)
            floor, rows = floor + agree, rows + 1
            changes[QUARTERS + round(QUARTERS * sum(pairs) / len(pairs)) - QUARTERS * agree] += 1
    return Scores(
        size=size,
        field=field,
        changes=changes,
        alone=(floor, rows),
        packed=(sum(one for one, _ in places), sum(of for _, of in places)),
        places=[(one, of) for one, of in places],
        moved=moved,
        to_neighbour=to_neighbour,
    )


def _others(
    neighbours: Sequence[str], field: str, alone: tuple[Answers, Answers], same: Same, own: tuple[Any, Any]
) -> Iterator[Any]:
    """The values that *neighbours* have alone, as far as they are not an item's *own*."""
    values = (alone[0][one][field] for one in neighbours if one in alone[0])
    return (value for value in values if not any(same(value, mine) for mine in own))
