"""What the scan of a night costs: `ROWS=100000 python -m benchmarks.gate.speed`.

Ordinary mails of the demo's corpus, 1.3 kB on average, go from Parquet through cleaning, all layers of the gate and folding into
the run folder, in a fresh interpreter. CPU is user and system time of all threads after the imports; memory is `VmHWM`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.meter import Meter
from benchmarks.workload import CARRY, PROMPT, write_mails


def main() -> None:
    rows = int(os.environ.get("ROWS", "100000"))
    with tempfile.TemporaryDirectory(prefix="claude-gate-") as folder:
        size = write_mails(Path(folder) / "mails.parquet", rows)["mean_bytes"]
        output = subprocess.run(
            [sys.executable, "-m", "benchmarks.gate.speed", folder], stdout=subprocess.PIPE, check=True
        ).stdout
    one = json.loads(output.splitlines()[-1])
    print(
        f"{rows:,} mails of {size:,.0f} bytes: {one['cpu']:.1f} s CPU, {one['peak_mb']:.0f} MB, {one['items']:,} items, "
        f"{one['quarantined']:,} set aside"
    )


def child(folder: Path) -> None:
    from upath import UPath

    from airflow_provider_claude.job.template import closing_tags
    from airflow_provider_claude.sources.source import open_source
    from airflow_provider_claude.stages.scan.run import scan
    from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
    from airflow_provider_claude.store import RunFolder

    settings = ScanSettings(
        text_columns=["subject", "body"],
        carry=CARRY,
        closing_tags=closing_tags(PROMPT),
        labels=("positive", "neutral", "negative"),
    )
    source = open_source(UPath(folder / "mails.parquet"), columns=["subject", "body", *CARRY])
    with Meter() as meter:
        record = scan(source, RunFolder(UPath(folder / "run")), settings, clock=lambda: "2026-01-01T00:00:00+00:00")
    print(json.dumps({**meter.reading, "items": record.items, "quarantined": record.quarantined}))


if __name__ == "__main__":
    child(Path(sys.argv[1])) if sys.argv[1:] else main()
