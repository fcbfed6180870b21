"""What a process holds after a statement, such as the first of a DAG file: every statement has a process of its own.

They are forked from one that has imported Airflow, which each would spend two seconds on. What Airflow brings is counted too.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from functools import cache

#: For each line, a statement and names of modules: which of them are loaded after it; null where it raises.
_SERVER = """
import json, os, sys
import airflow.sdk

for line in sys.stdin:
    statement, names = json.loads(line)
    if pid := os.fork():
        if os.waitpid(pid, 0)[1]:
            print("null", flush=True)
        continue
    exec(statement, {"__name__": "__main__"})
    print(json.dumps([name for name in names if name in sys.modules]), flush=True)
    os._exit(0)
"""


def loaded_by(statement: str, names: Sequence[str]) -> set[str]:
    """Which modules of *names* a fresh interpreter holds after *statement*, which prints nothing."""
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(json.dumps([statement, names]) + "\n")
    server.stdin.flush()
    loaded = json.loads(server.stdout.readline())
    assert loaded is not None, f"{statement} raised, see above"
    return set(loaded)


@cache
def _server() -> subprocess.Popen[str]:
    """It ends with this process, whose end of the pipe is closed then."""
    return subprocess.Popen([sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
