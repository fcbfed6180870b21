"""Fixtures to test your own DAGs against a simulated Claude API.

`claude_simulator_server`  one simulator process for the whole session
`claude_simulator`         the same, reset before each test; `AIRFLOW_CONN_ANTHROPIC_DEFAULT` points at it

    def test_my_dag(claude_simulator):
        claude_simulator.behaviour(refusal=0.05)
        my_dag.test()
        assert claude_simulator.books()["billed_twice"]["requests"] == 0

Loaded by every run of pytest where this package is installed, so it imports next to nothing until it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow_provider_claude.simulator.process import SimulatorProcess


@pytest.fixture(scope="session")
def claude_simulator_server() -> Iterator[SimulatorProcess]:
    """A simulator process that lives as long as the session."""
    from airflow_provider_claude.simulator.process import SimulatorProcess

    with SimulatorProcess(retry_after=0) as simulator:  # a test need not wait for its next look
        yield simulator


@pytest.fixture
def claude_simulator(claude_simulator_server: SimulatorProcess, monkeypatch: pytest.MonkeyPatch) -> SimulatorProcess:
    """A simulator without batches, faults or books, reachable through the connection `anthropic_default`."""
    claude_simulator_server.reset()
    monkeypatch.setenv("AIRFLOW_CONN_ANTHROPIC_DEFAULT", claude_simulator_server.connection_json)
    return claude_simulator_server
