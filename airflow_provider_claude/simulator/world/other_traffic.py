"""Other clients: traffic of the same account that draws on the same Messages meters.

Their requests come evenly, each with its part of the tokens, and pass the same checks as ours. Nothing runs for them:
what they took is reckoned when the meters are next looked at.
"""

from __future__ import annotations

import math

from msgspec import Struct

from airflow_provider_claude.simulator.world.bucket import Bucket

#: Requests reckoned one by one at a look; after a longer pause, those before are taken to have fared like these.
MOST = 10_000


class Rate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the others ask for, a minute.

    Raises ValueError for a negative or endless number, and for tokens without requests.
    """

    requests: float = 0.0
    input_tokens: float = 0.0
    output_tokens: float = 0.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if not self.requests and (self.input_tokens or self.output_tokens):
            raise ValueError("tokens of others come with their requests, and requests is 0")


class Others:
    """The others: their *rate*, and how many of their requests were *served* and *refused*."""

    def __init__(self) -> None:
        self.rate = Rate()
        self.served = 0
        self.refused = 0
        self._since = 0.0
        self._done = 0

    def change(self, rate: Rate, now: float) -> None:
        """Let them work at *rate* from *now* on; the first request comes after one interval."""
        self.rate, self._since, self._done = rate, now, 0

    def catch_up(self, requests: Bucket, input_: Bucket, output: Bucket, now: float) -> None:
        """Draw what they took since the last look."""
        if not self.rate.requests:
            return
        interval = 60 / self.rate.requests
        done = int((now - self._since) / interval)
        due = done - self._done
        if due <= 0:
            return
        skipped = max(0, due - MOST)
        served = 0
        for turn in range(self._done + skipped + 1, done + 1):
            served += self._arrive(requests, input_, output, self._since + turn * interval)
        self._done = done
        served += round(skipped * served / (due - skipped))
        self.served += served
        self.refused += due - served

    def _arrive(self, requests: Bucket, input_: Bucket, output: Bucket, at: float) -> bool:
        if requests.wait(1, at):
            return False
        requests.draw(1, at)
        tokens = self.rate.input_tokens / self.rate.requests
        if input_.wait(tokens, at) or output.wait(1, at):
            return False
        input_.draw(tokens, at)
        output.draw(self.rate.output_tokens / self.rate.requests, at)
        return True

    def describe(self) -> dict[str, object]:
        """Their rate a minute, and how they fared."""
        return {"rate": self.rate, "served": self.served, "refused": self.refused}
