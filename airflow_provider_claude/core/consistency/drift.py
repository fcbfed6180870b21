"""How far tonight's labels are from those of earlier nights, and how far chance takes them.

The distance is the Jensen-Shannon divergence in bits, 0 for the same shares and 1 for labels that have nothing in common
(https://docs.scipy.org/doc/scipy/reference/generated/scipy.spatial.distance.jensenshannon.html, squared). PSI, the population
stability index, is shown beside it, as many know it. A fixed cut-off of either means little: at 100,000 rows chance moves
less than a thousandth of a bit. So the limit is that of this table: nights are drawn from the earlier ones, with the spread
that these have among themselves, and the limit is passed by one quiet night in a hundred.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Fewer nights do not tell how far they differ among themselves; more are of another season.
LEAST_NIGHTS, MOST_NIGHTS = 5, 14

#: How many quiet nights of a field are beyond its limit.
FALSE_ALARMS = 0.01

_DRAWS = 2_000

#: Labels that the sentence names.
_NAMED = 3

#: Nights that spread no more than this are as good as independent rows.
_LEAST_SPREAD = 1e-9

#: Rows added to each label, so that one that is new tonight has a finite PSI.
_HALF = 0.5


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """How far the labels of a *field* are from those of *nights* earlier ones: *divergence* in bits, *psi*, and the *limit*
    of the divergence. *moved*: by label, its share tonight less its share before, the largest first.
    """

    field: str
    nights: int
    divergence: float
    psi: float
    limit: float
    moved: list[tuple[str, float]]

    @property
    def alarm(self) -> bool:
        """Whether chance alone hardly explains the difference."""
        return self.divergence > self.limit

    def sentence(self) -> str:
        moved = ", ".join(f"{label} {100 * share:+.1f}" for label, share in self.moved[:_NAMED] if share)
        return (
            f"{self.field} is not distributed as in the last {self.nights} runs: {moved} points ({self.divergence:.2g} bits "
            f"apart; one quiet run in {1 / FALSE_ALARMS:.0f} exceeds {self.limit:.2g})."
        )


def drift(
    field: str, tonight: Mapping[str, int], earlier: Sequence[Mapping[str, int]], *, more: int = 0, seed: int = 0
) -> Drift | None:
    """The drift of *tonight*, rows by label, against *earlier* nights; None where these are fewer than LEAST_NIGHTS, or a night
    has no rows. The same counts give the same limit. *more* rows are added to each label of each night, so that a single row of
    a label that hardly ever comes is no alarm.
    """
    nights = [one for one in earlier if sum(one.values())][-MOST_NIGHTS:]
    if len(nights) < LEAST_NIGHTS or not sum(tonight.values()):
        return None
    labels = sorted({label for one in (tonight, *nights) for label in one})
    before = np.array([[one.get(label, 0) + more for label in labels] for one in nights], dtype="f8")
    now = np.array([tonight.get(label, 0) + more for label in labels], dtype="f8")
    pooled = before.sum(axis=0)
    moved = now / now.sum() - pooled / pooled.sum()
    order = np.argsort(-np.abs(moved))
    return Drift(
        field=field,
        nights=len(nights),
        divergence=float(_divergence(now, pooled)),
        psi=_psi(now, pooled),
        limit=_limit(before, int(now.sum()), np.random.default_rng(seed)),
        moved=[(labels[n], float(moved[n])) for n in order],
    )


def _divergence(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """The divergence of the counts *first* from *second*, along their last axis."""
    from scipy.spatial.distance import jensenshannon

    distance: NDArray[np.float64] = np.nan_to_num(jensenshannon(first, second, base=2, axis=-1)) ** 2
    return distance


def _psi(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    one, other = ((counts + _HALF) / (counts + _HALF).sum() for counts in (first, second))
    return float(((one - other) * np.log(one / other)).sum())


def _limit(before: NDArray[np.float64], rows: int, rng: np.random.Generator) -> float:
    """The divergence that a quiet night of *rows* rows exceeds once in 1 / FALSE_ALARMS.

    Nights are drawn from a Dirichlet-multinomial with the shares of all of them. How much they spread beyond chance is
    estimated anew for each draw, from nights drawn with replacement: a spread known from few nights is not known well.
    """
    shares = before.sum(axis=0) / before.sum()
    drawn = before[rng.integers(len(before), size=(_DRAWS, len(before)))]
    spread = _spread(drawn, shares)
    past = sum(_nights(rng, shares, int(n), spread) for n in before.sum(axis=1))
    found = _divergence(_nights(rng, shares, rows, spread), np.asarray(past))
    return float(np.quantile(found, 1 - FALSE_ALARMS))


def _nights(
    rng: np.random.Generator, shares: NDArray[np.float64], rows: int, spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    """A night of *rows* rows for each *spread*: rows by label, whose shares are drawn around *shares*."""
    precision = (1 - spread) / np.maximum(spread, _LEAST_SPREAD)
    weights = rng.gamma(np.maximum(precision[:, None] * shares, 1e-9))
    drawn = weights / weights.sum(axis=1, keepdims=True)
    drawn = np.where(spread[:, None] > _LEAST_SPREAD, drawn, shares)
    return rng.multinomial(rows, drawn).astype("f8")


def _spread(drawn: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each draw of nights: the correlation of two rows of a night beyond chance, 0 for independent rows. By moments."""
    nights = drawn.shape[1]
    rows = drawn.sum(axis=2)
    expected = max(float((shares * (1 - shares)).sum()), np.finfo(float).tiny)
    seen = ((drawn / rows[:, :, None] - shares) ** 2).sum(axis=2) * nights / (nights - 1)
    one = (seen / expected * rows - 1) / np.maximum(rows - 1, 1)  # seen / expected is (1 + (rows - 1) * spread) / rows
    spread: NDArray[np.float64] = np.clip(one.mean(axis=1), 0.0, 0.5)
    return spread
