"""How long a message takes to be answered, in simulated seconds.

`instant`                 answered as soon as it can be
`seconds:S`               answered S seconds after it was admitted
`lognormal:MEDIAN,SIGMA`  log-normal seconds, drawn for each request
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from airflow_provider_claude.simulator.model.chance import draws


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long messages take. *text* is how it was written; *median* is in seconds.

    Raises ValueError for a negative or endless number.
    """

    text: str = "instant"
    median: float = 0.0
    sigma: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.median < math.inf and 0 <= self.sigma < math.inf):
            raise ValueError(f"seconds and sigma must not be negative, got {self.median} and {self.sigma}")

    def seconds(self, *names: str | int) -> float:
        """The simulated seconds of the message of these *names*."""
        if not self.sigma or not self.median:
            return self.median
        length, angle, *_ = draws("latency", *names)
        normal = math.sqrt(-2 * math.log(1 - length)) * math.cos(math.tau * angle)
        return self.median * math.exp(self.sigma * normal)


def parse_latency(text: str) -> Latency:
    """Read a latency as written on the command line.

    Raises ValueError with the accepted spellings.
    """
    kind, _, rest = text.partition(":")
    try:
        match kind:
            case "instant" if not rest:
                return Latency()
            case "seconds":
                return Latency(text=text, median=float(rest))
            case "lognormal":
                median, sigma = (float(part) for part in rest.split(","))
                return Latency(text=text, median=median, sigma=sigma)
    except ValueError as error:
        raise ValueError(_spellings(text)) from error
    raise ValueError(_spellings(text))


def _spellings(text: str) -> str:
    return f"latency {text!r} is none of instant, seconds:S, lognormal:MEDIAN,SIGMA with numbers from 0"
