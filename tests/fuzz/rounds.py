"""Rounds of examples of one property, until its time is up."""

from __future__ import annotations

import time
from collections.abc import Callable

from hypothesis import HealthCheck, given, seed, settings

from tests.fuzz.properties import PROPERTIES

_EXAMPLES = 100


def fuzz(name: str, seconds: float, first_seed: int = 0, told: Callable[[str], None] | None = None) -> int:
    """Try the property *name* for *seconds*, one round at least, and return the number of examples.

    Round n has the seed *first_seed* + n, so a failure can be had again. Raises what the property raises.
    """
    inputs, holds = PROPERTIES[name]
    tried = 0

    def once(value: object) -> None:
        nonlocal tried
        tried += 1
        holds(value)

    calm = settings(
        max_examples=_EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=False
    )
    until = time.monotonic() + seconds
    number = first_seed
    while number == first_seed or time.monotonic() < until:
        if told:
            told(f"{name} seed={number}")
        seed(number)(calm(given(inputs())(once)))()
        number += 1
    return tried
