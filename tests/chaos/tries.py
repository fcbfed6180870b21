"""From a broken worker to a finished night: try after try, as a scheduler would, in time that is moved and not waited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.chaos.machine import Machine
from tests.chaos.night import Place
from tests.chaos.processes import Child, Outcome

#: So many workers may it take.
MOST_TRIES = 12

#: Seconds between two tries of a task that failed.
_RETRY_DELAY = 5.0


@dataclass
class Tries:
    """The workers of one case. A terminal error ends it, unless it is one of *mended*, which a person sees to."""

    machine: Machine
    place: Place
    mended: frozenset[str] = frozenset()
    outcomes: list[Outcome] = field(default_factory=list)

    def note(self, outcome: Outcome) -> Outcome:
        """Remember how a worker ended, and let the time pass that it asked for."""
        self.outcomes.append(outcome)
        if not outcome.done:
            self.machine.advance((outcome.retry_after or _RETRY_DELAY) + 1.0)
        return outcome

    def finish(self, start: Callable[[int], Child] | None = None) -> list[str]:
        """Try until the night is done: what keeps it from that, or nothing. *start* makes the worker of each try."""
        for number in range(MOST_TRIES):
            child = start(number) if start else self.machine.start(self.place)
            outcome = self.note(child.join())
            if outcome.done:
                return []
            if outcome.terminal and outcome.error not in self.mended:
                return [f"a try ended for good: {outcome.error}"]
        return [f"the night is not done after {len(self.outcomes)} tries"]

    @property
    def notes(self) -> list[str]:
        """What the tries ended with, but for kills and waits."""
        names = [one.error for one in self.outcomes if one.error and one.error != "PendingError"]
        return [", ".join(names)] if names else []

    @property
    def log(self) -> str:
        return "\n".join(one.text for one in self.outcomes if one.text)
