"""in_doubt.bin of a run folder: which items are in doubt, as the plan has found them, a bit an item.

What is sent depends on it, so it is used only where the plan names its very bytes. Without it, as in a probe, which has items of
its own, the texts are searched again.
"""

from __future__ import annotations

from hashlib import sha256

from airflow_provider_claude.core.doubt import RecordedDoubts
from airflow_provider_claude.store import PlanRecord, RunFolder, write_bytes

_NAME = "in_doubt.bin"


def record_doubts(run: RunFolder, doubts: RecordedDoubts) -> str:
    """Write which items of *run* are in doubt. Returns what the plan keeps as `in_doubt`."""
    write_bytes(run.file(_NAME), doubts.bits)
    return sha256(doubts.bits).hexdigest()


def recorded_doubts(run: RunFolder, plan: PlanRecord) -> RecordedDoubts | None:
    """Which items of *run* are in doubt by its *plan*; None where that is not on record."""
    if not plan.in_doubt:
        return None
    try:
        bits = run.file(_NAME).read_bytes()
    except FileNotFoundError:
        return None
    return RecordedDoubts.of_bits(bits) if sha256(bits).hexdigest() == plan.in_doubt else None
