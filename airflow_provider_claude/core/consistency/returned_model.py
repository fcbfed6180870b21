"""Whether the model that answered is the one that was asked."""

from __future__ import annotations

import re
from collections.abc import Mapping


def other_models(answered: Mapping[str, int], *, asked: str, stands_for: str | None) -> list[str]:
    """A sentence where rows were answered by a model that is not the one *asked*, nor the one its name *stands_for*.

    *answered*: rows by the model's id as the API returned it. An id with a date, such as
    `claude-haiku-5-5-20261007`, is of the model without it.
    """
    others = {model: rows for model, rows in answered.items() if not _is(model, asked) and model != stands_for}
    if not others:
        return []
    named = ", ".join(f"{model} ({rows:,} rows)" for model, rows in others.items())
    return [f"{asked} was asked, and another model has answered: {named}."]


def _is(model: str, asked: str) -> bool:
    """Whether *model* is *asked*, with a date where that has none."""
    return model == asked or re.sub(r"-\d{8}$", "", model) == asked
