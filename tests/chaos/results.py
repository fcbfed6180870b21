"""What is printed: a line a case, and a table of all at the end."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Result:
    """One case and what became of it. *tries* counts workers, the one that was broken included.

    *trial_twice*: the one synchronous call was billed twice, as it may be. *stored*: it was on the object store.
    """

    kind: str
    name: str
    seed: int
    tries: int
    wrong: list[str]
    trial_twice: bool = False
    stored: bool = False
    notes: list[str] = field(default_factory=list)
    log: str = ""

    def line(self) -> str:
        text = f"{self.kind:<22} seed {self.seed}  {self.name:<66} {self.tries} tries  {self._verdict()}"
        noted = f"  ({'; '.join(self.notes)})" if self.notes else ""
        return "\n".join([text + noted, *(f"    ! {one}" for one in self.wrong), *self._indented()])

    def _verdict(self) -> str:
        if self.wrong:
            return "FAILED"
        return "trial paid twice, as it may be" if self.trial_twice else "ok"

    def _indented(self) -> list[str]:
        return [f"    | {one}" for one in self.log.splitlines()[-40:]] if self.wrong else []


Case = Callable[[], Result]


class Tally:
    """Prints results as they come, and sums them up."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.results: list[Result] = []
        self._quiet = quiet
        self._began = time.monotonic()

    def add(self, result: Result) -> None:
        self.results.append(result)
        if not self._quiet:
            tell(result.line())

    @property
    def failed(self) -> list[Result]:
        return [one for one in self.results if one.wrong]

    def table(self) -> list[str]:
        kinds: dict[str, list[Result]] = defaultdict(list)
        for one in self.results:
            kinds[one.kind].append(one)
        head = f"{'':<22} {'cases':>6} {'objects':>8} {'failed':>7} {'trial twice':>12} {'most tries':>11}"
        rows = [_row(kind, found) for kind, found in kinds.items()]
        seconds = time.monotonic() - self._began
        return ["", head, *rows, _row("all", self.results), "", f"{seconds:.0f} s"]


def _row(kind: str, found: list[Result]) -> str:
    failed, trial = sum(bool(one.wrong) for one in found), sum(one.trial_twice for one in found)
    most = max((one.tries for one in found), default=0)
    return f"{kind:<22} {len(found):>6,} {sum(one.stored for one in found):>8,} {failed:>7,} {trial:>12,} {most:>11,}"


def tell(text: str) -> None:
    print(text)
    sys.stdout.flush()
