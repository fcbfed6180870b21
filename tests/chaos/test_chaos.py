"""The short form of `make chaos`: some cases of each kind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos import nights
from tests.chaos.kinds import KINDS

PROJECT = Path(__file__).resolve().parents[2]

#: Seconds all cases together may take on a busy machine.
_PATIENCE = 1_200.0


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """What the short form prints. A process of its own: here are threads by now, and it forks."""
    command = [sys.executable, "-m", "tests.chaos", "--short", "--seeds", "1"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    assert done.returncode in {0, 1}, done.stderr[-4000:]
    return done.stdout.splitlines()


def test_there_are_many_points_at_which_a_night_can_be_killed(lines: list[str]) -> None:
    assert int(lines[0].split()[3]) >= 40


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != nights.KIND])
def test_nothing_is_paid_twice_or_lost(lines: list[str], kind: str) -> None:
    cases = [number for number, line in enumerate(lines) if line.startswith(f"{kind:<22} seed ")]
    assert cases
    failed = [number for number in cases if "FAILED" in lines[number]]
    assert not failed, "\n".join(lines[failed[0] : failed[0] + 45])
