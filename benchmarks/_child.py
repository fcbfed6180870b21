"""One measured thing in a fresh process: `python -m benchmarks._child STEP '{"run": ...}'`.

The last line on stdout is the reading as JSON.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.meter import Meter

#: By name: the module and the function in it.
STEPS = {
    "scan": ("ours", "scan"),
    "plan": ("ours", "plan"),
    "create": ("ours", "create"),
    "load": ("ours", "load"),
    "anthropic_submit": ("others", "anthropic_submit"),
    "anthropic_iterate": ("others", "anthropic_iterate"),
    "anthropic_land": ("others", "anthropic_land"),
    "llm_submit": ("others", "llm_submit"),
    "llm_land": ("others", "llm_land"),
}


def main(step: str, arguments: dict[str, Any]) -> None:
    if step == "mails":
        from benchmarks.workload import write_mails

        print(json.dumps(write_mails(Path(arguments["mails"]), arguments["rows"])))
        return
    module, function = STEPS[step]
    meter = Meter()
    facts = getattr(importlib.import_module(f"benchmarks.{module}"), function)(meter, **arguments)
    print(json.dumps({**meter.reading, **facts}))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(Path(sys.argv[2]).read_bytes()))
