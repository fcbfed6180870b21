"""One round of examples of one property."""

from __future__ import annotations

from hypothesis import HealthCheck, given, seed, settings

from tests.fuzz.properties import PROPERTIES

_EXAMPLES = 100


def fuzz(name: str, number: int) -> int:
    """Try the property *name* in the round *number*, which is also its seed, so that a failure can be had again.

    Returns the number of examples. Raises what the property raises.
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
    seed(number)(calm(given(inputs())(once)))()
    return tried
