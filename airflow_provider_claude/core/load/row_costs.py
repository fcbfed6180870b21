"""What each row of a chunk of results used, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from airflow_provider_claude.core.cost.prices import Price
from airflow_provider_claude.core.cost.usage_columns import Usages, share
from airflow_provider_claude.core.load.answers import Judged
from airflow_provider_claude.core.outcomes import Outcome

if TYPE_CHECKING:
    from numpy.typing import NDArray

_REFUSED = Outcome.REFUSED


def row_costs(judged: Sequence[Judged], price: Price, *, lane: str, packed: bool) -> tuple[Usages, NDArray[Any]]:
    """The tokens of each of *judged*, and its cost in picodollars.

    In lane `store` both are 0: an earlier run paid. The rows of a pack share what their request used and cost.
    """
    if lane == "store":
        return Usages.none(len(judged)), np.zeros(len(judged), dtype="<i8")
    usage = Usages.of([one.usage for one in judged])
    billed = np.fromiter(map(is_billed, judged), "?", len(judged))
    costs = usage.picodollars(price, lane=lane) * billed
    if not packed:
        return usage, costs
    indexes = np.fromiter((one.index for one in judged), "<i8", len(judged))
    of = np.fromiter((one.of for one in judged), "<i8", len(judged))
    return usage.shared(indexes, of), share(costs, indexes, of)


def is_billed(one: Judged) -> bool:
    """A refusal before any output is not billed, although its usage shows tokens.

    (https://platform.claude.com/docs/en/build-with-claude/refusals-and-fallback)
    """
    return one.outcome is not _REFUSED or bool(one.text) or one.said
