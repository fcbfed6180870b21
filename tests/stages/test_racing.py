"""Two runs at once on one run folder, two processes over real HTTP: each content is billed once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from airflow_provider_claude.simulator.process import SimulatorProcess

ROWS = 12


def start(folder: Path, simulator: SimulatorProcess, run_id: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.stages.racing", str(folder / "run"), simulator.base_url, run_id]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_of_two_runs_at_once_the_second_waits_and_pays_nothing(
    claude_simulator: SimulatorProcess, tmp_path: Path
) -> None:
    lines = [json.dumps({"id": str(n), "body": f"mail {n}"}) for n in range(ROWS)]
    (tmp_path / "mails.jsonl").write_text("\n".join(lines))
    runs = [start(tmp_path, claude_simulator, name) for name in ("first", "second")]
    for run in runs:
        assert run.stdout is not None
        assert run.stdout.readline() == "ready\n"
    ended = {run.args[-1]: run.communicate("go\n", timeout=60) for run in _started(runs)}
    assert sorted(out.strip() for out, _ in ended.values()) == ["1", "2"], ended
    loser = next(error for out, error in ended.values() if out.strip() == "2")
    assert "of race" in loser
    books = claude_simulator.books()
    assert books["same_content"]["requests"] == 0
    assert books["billed_twice"]["requests"] == 0


def _started(runs: list[subprocess.Popen[str]]) -> list[subprocess.Popen[str]]:
    """Both are told to start before either is waited for."""
    for run in runs:
        assert run.stdin is not None
        run.stdin.write("go\n")
        run.stdin.flush()
    return runs
