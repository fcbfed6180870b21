"""Shares as Markdown, each with its interval."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

Mask = NDArray[np.bool_]


def share(some: int, of: int) -> str:
    """*some* of *of* in percent, with Wilson's interval of 95 %: `56 % (54–58)`. The texts count as drawn by chance."""
    if not of:
        return "–"
    low, high = binomtest(some, of).proportion_ci(method="wilson")
    return f"{_percent(some / of)} % ({_percent(low)}–{_percent(high)})"


def _percent(part: float) -> str:
    value = 100 * part
    return f"{value:.2f}" if 0.005 <= value < 5 else f"{value:.0f}"


def table(lines: Mapping[str, Mask], columns: Mapping[str, Mask]) -> str:
    """Markdown: for each line its number of rows, and how many of them each column speaks of."""
    head = ["", "rows", *columns]
    body = [
        [name, f"{mask.sum():,}", *(share(int((of & mask).sum()), int(mask.sum())) for of in columns.values())]
        for name, mask in lines.items()
    ]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, ["---", *["---:"] * (len(head) - 1)], *body])
