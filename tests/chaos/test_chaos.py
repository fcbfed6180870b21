"""The short form of `make chaos`: some cases of each kind. A kind is a test, and each of its cases a subtest."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import nights
from tests.chaos.kinds import KINDS
from tests.chaos.results import Result

PROJECT = Path(__file__).resolve().parents[2]


class Chaos:
    """A process that breaks the night when it is asked to. One of its own: here are threads by now, and it forks."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        command = [sys.executable, "-m", "tests.chaos", "--short", "--seeds", "1", "--named"]
        self._process = subprocess.Popen(
            command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.passed = str(self._line())
        self._free = True

    def results(self, kind: str) -> Iterator[Result]:
        """The cases of *kind*, each when it is done. What is left of a kind that was not waited for is not run."""
        if not self._free:
            self.stop()
            self._start()
        self._free = False
        assert self._process.stdin is not None
        self._process.stdin.write(kind + "\n")
        while case := self._line():
            yield Result(**case)
        self._free = True

    def stop(self) -> None:
        """End it with all that it has started."""
        self._process.terminate()
        self._process.communicate(timeout=60)

    def _line(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the process has ended, see its standard error"
        return json.loads(line)


@pytest.fixture(scope="module")
def chaos() -> Iterator[Chaos]:
    one = Chaos()
    yield one
    one.stop()


def test_there_are_many_points_at_which_a_night_can_be_killed(chaos: Chaos) -> None:
    assert int(chaos.passed.split()[3]) >= 40


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != nights.KIND])
def test_nothing_is_paid_twice_or_lost(chaos: Chaos, kind: str, subtests: pytest.Subtests) -> None:
    cases = 0
    for case in chaos.results(kind):
        cases += 1
        with subtests.test(case.name):
            assert not case.wrong, case.line()
    assert cases
