"""How many items may share a request, found out by asking: what is tried, and what is concluded.

A sample is asked alone, alone once more, and in packs of each size, twice in different orders. A row's score for one field and
one size is

    how often its packed answers agree with its answers alone   (up to four pairs)
  − whether its two answers alone agree with each other         (the floor: the model does not always agree with itself)

so 0 says that packing changes nothing, and −1 that it changes everything. The mean over the rows is the change of agreement. Its
interval is a percentile bootstrap over rows (Efron, 1979): 95 % of the resampled means lie in it. One row that lost everything
is added to its lower end, because a small sample without any difference proves little: 300 such rows are just enough for one
point.

    a size is   accepted    where the lower end of no field is below minus the margin
                refused     where the upper end of a field is
                undecided   else: the next run asks another sample, and all samples count together

The largest accepted size is taken. Where a larger one is undecided, the next runs try again first, MOST_RUNS in all, and their
items still have requests of their own: these are the answers that packs are compared with.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import mul

import msgspec

#: So many runs try, before one item a request stays.
MOST_RUNS = 5

#: A row's score is counted in quarters: -4 to 4 of them.
QUARTERS = 4

_VALUES = [quarters / QUARTERS for quarters in range(-QUARTERS, QUARTERS + 1)]

_DRAWS = 2_000
_LOW, _HIGH = 2.5, 97.5


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """What packs of *size* items did to *field*, in rows by score: `changes` counts -1, -3/4 … 1.

    `alone` and `packed` are pairs of answers, and how many of them agree: both answers alone, and one alone with one of a pack.
    `places`: the same as `packed` for each place in a pack, from the first. Of `moved` packed answers that differ from those
    alone while a neighbour's answer alone has another value, `to_neighbour` are a neighbour's value.
    """

    size: int
    field: str
    changes: list[int]
    alone: tuple[int, int]
    packed: tuple[int, int]
    places: list[tuple[int, int]]
    moved: int = 0
    to_neighbour: int = 0

    def plus(self, other: Scores) -> Scores:
        """Both samples together."""
        return msgspec.structs.replace(
            self,
            changes=[a + b for a, b in zip(self.changes, other.changes, strict=True)],
            alone=_sum(self.alone, other.alone),
            packed=_sum(self.packed, other.packed),
            places=[_sum(a, b) for a, b in zip(self.places, other.places, strict=True)],
            moved=self.moved + other.moved,
            to_neighbour=self.to_neighbour + other.to_neighbour,
        )

    @property
    def rows(self) -> int:
        return sum(self.changes)

    @property
    def change(self) -> float:
        """The mean change of agreement, as a share."""
        total: float = sum(map(mul, self.changes, _VALUES))
        return total / max(self.rows, 1)

    def interval(self) -> tuple[float, float]:
        """The ends of its interval, the lower one with one row more that lost everything."""
        cautious = [self.changes[0] + 1, *self.changes[1:]]
        return _percentile(cautious, _LOW), _percentile(self.changes, _HIGH) if self.rows else 1.0


def _sum(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] + other[0], one[1] + other[1]


def _percentile(changes: Sequence[int], percent: float) -> float:
    import numpy as np  # 0.1 s, in each parsing of a DAG if it stood above: the records of a run folder import this module

    counts = np.array(changes)
    rows = int(counts.sum())
    draws = np.random.default_rng(0).multinomial(rows, counts / rows, size=_DRAWS)
    return float(np.percentile(draws @ np.array(_VALUES) / rows, percent))


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """At most *items* items share a request. *final*: nothing more is tried while it holds. *why*, as a sentence."""

    items: int
    final: bool
    why: str


def verdict(samples: Sequence[Sequence[Scores]], margin: float) -> Verdict:
    """What the *samples* of the last runs show together."""
    if not samples:
        return Verdict(items=1, final=False, why="Nothing is known yet of packs of this job and model.")
    by_size = together(samples)
    states = {size: _state(scores, margin) for size, scores in by_size.items()}
    accepted = [size for size, state in states.items() if state == "accepted"]
    shown = "; ".join(_shown(size, by_size[size], states[size]) for size in sorted(by_size))
    rows = max((one.rows for scores in by_size.values() for one in scores), default=0)
    why = f"Measured with {rows:,} rows of {len(samples)} {'run' if len(samples) == 1 else 'runs'}: {shown}."
    if not by_size:
        why = "The output has no label, boolean or number to compare."
    best = max(accepted, default=1)
    open_ = len(samples) < MOST_RUNS and any(size > best and state == "undecided" for size, state in states.items())
    return Verdict(items=1 if open_ else best, final=not open_, why=why)


def together(samples: Iterable[Iterable[Scores]]) -> dict[int, list[Scores]]:
    """The scores of all *samples* by size, a sum a field."""
    sums: dict[tuple[int, str], Scores] = {}
    for one in (score for sample in samples for score in sample):
        key = one.size, one.field
        sums[key] = sums[key].plus(one) if key in sums else one
    found: dict[int, list[Scores]] = {}
    for (size, _), score in sums.items():
        found.setdefault(size, []).append(score)
    return found


def _state(scores: Sequence[Scores], margin: float) -> str:
    ends = [one.interval() for one in scores]
    if any(high < -margin for _, high in ends):
        return "refused"
    return "accepted" if all(low >= -margin for low, _ in ends) else "undecided"


def _shown(size: int, scores: Sequence[Scores], state: str) -> str:
    worst = min(scores, key=lambda one: one.interval()[0])
    low, high = worst.interval()
    return f"packs of {size} {state} ({worst.field}: {100 * worst.change:+.1f} points, {100 * low:+.1f} to {100 * high:+.1f})"
