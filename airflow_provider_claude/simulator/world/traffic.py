"""What came in on the Messages route, and what every route refused: the figures a benchmark of a client needs."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
from msgspec import Struct, field


class Traffic(Struct):
    """Sums since the start. Times are simulated seconds since the epoch, None before there is one.

    *admitted* messages, *input_tokens* (uncached): what might start, *first_at* and *last_at* · *answered* messages,
    *output_tokens*: what was answered, last at *answered_at* · *abandoned*: answers whose client had left; they
    are still billed, which is a guess · *rejected*: the 429s of each route, those of faults included.
    """

    admitted: int = 0
    input_tokens: int = 0
    first_at: float | None = None
    last_at: float | None = None
    answered: int = 0
    output_tokens: int = 0
    answered_at: float | None = None
    most_in_flight: int = 0
    abandoned: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    def admit(self, input_tokens: int, now: float) -> None:
        """Book one message that may start."""
        self.admitted += 1
        self.input_tokens += input_tokens
        self.first_at = now if self.first_at is None else self.first_at
        self.last_at = now
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def answer(self, output_tokens: int, now: float) -> None:
        """Book its answer."""
        self.answered += 1
        self.output_tokens += output_tokens
        self.answered_at = now

    @property
    def in_flight(self) -> int:
        """Messages admitted and not answered."""
        return self.admitted - self.answered

    def describe(self) -> dict[str, Any]:
        """The figures as the control plane shows them."""
        return {**msgspec.structs.asdict(self), "in_flight": self.in_flight, "rejected": dict(self.rejected)}
