"""What the gate makes of the rows of `unicode.parquet`, by category: `python -m benchmarks.unicode PATH`.

`flagged` rows have a flag of any kind, `alone` are answered in a request of their own, `quarantined` are set aside, `read`
rows are read in another way too.
"""

from __future__ import annotations

import sys
from collections import defaultdict

import pyarrow.parquet as pq

from airflow_provider_claude.core.scan.gate import open_gate
from airflow_provider_claude.core.scan.normalise import normalise
from airflow_provider_claude.core.scan.policy import ScanPolicy
from airflow_provider_claude.core.scan.readings import readings

COLUMNS = ("rows", "flagged", "alone", "quarantined", "read")


def table(path: str) -> dict[str, list[int]]:
    """For each kind and category the numbers by COLUMNS."""
    rows = pq.read_table(path)
    cleaned = normalise(rows["text"].combine_chunks())
    verdicts = open_gate(ScanPolicy(), ()).judge({"text": cleaned})
    read = set(readings(cleaned.texts)[0])
    counts: dict[str, list[int]] = defaultdict(lambda: [0] * len(COLUMNS))
    for row, (kind, category) in enumerate(zip(rows["kind"].to_pylist(), rows["category"].to_pylist(), strict=True)):
        seen = (True, row in verdicts.flags, row in verdicts.suspects, row in verdicts.set_aside, row in read)
        for place, is_so in enumerate(seen):
            counts[f"{kind}: {category[:40]}"][place] += is_so
    return dict(sorted(counts.items()))


if __name__ == "__main__":
    print(f"{'':50}", *(f"{name:>12}" for name in COLUMNS))
    for name, numbers in table(sys.argv[1]).items():
        print(f"{name:50}", *(f"{number:12}" for number in numbers))
