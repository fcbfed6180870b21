"""How long a batch takes: at once, so many polls, so many seconds, or as the real world does.

`instant`                       ended as soon as its results are written
`polls:N`                       ended at the N-th retrieve
`seconds:S`                     ended S simulated seconds after its creation
`lognormal:MEDIAN,SIGMA,STUCK`  log-normal seconds; a share STUCK would need 48 h and so expires half done
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

#: What a stuck batch would need: twice the 24 h it has.
STUCK_SECONDS = 48 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long batches take. *polls* is None unless the pace counts polls; *median* is in seconds."""

    text: str
    polls: int | None = None
    median: float = 0.0
    sigma: float = 0.0
    stuck: float = 0.0

    def duration(self, rng: Random) -> float:
        """Simulated seconds one batch takes, or 0 where polls are counted."""
        if rng.random() < self.stuck:
            return STUCK_SECONDS
        return self.median * math.exp(self.sigma * rng.gauss(0.0, 1.0))


def parse_pace(text: str) -> Pace:
    """Read a pace as written on the command line.

    Raises ValueError with the accepted spellings.
    """
    kind, _, rest = text.partition(":")
    try:
        match kind:
            case "instant" if not rest:
                return Pace(text=text)
            case "polls":
                return Pace(text=text, polls=max(1, int(rest)))
            case "seconds":
                return Pace(text=text, median=float(rest))
            case "lognormal":
                median, sigma, stuck = (float(part) for part in rest.split(","))
                return Pace(text=text, median=median, sigma=sigma, stuck=stuck)
    except ValueError as error:
        raise ValueError(_spellings(text)) from error
    raise ValueError(_spellings(text))


def _spellings(text: str) -> str:
    return f"pace {text!r} is none of instant, polls:N, seconds:S, lognormal:MEDIAN,SIGMA,STUCK"
