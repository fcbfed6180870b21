"""The batches there are. Memory holds their counters; bodies, results and bills are files, one folder a batch.

<root>/batches/<id>/batch.json      the counters, rewritten whenever they change
/requests.json   the create body as it came
/results.jsonl   there once the batch has ended
/billed.bin      sorted digests of what was billed
/bill.json       what it cost
"""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from airflow_provider_claude.simulator.world.batch_life import Batch
from airflow_provider_claude.simulator.world.ledger import Bill


class Registry:
    """Batches by id, oldest first. A *root* that holds batches already brings them back."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._batches: dict[str, Batch] = {}
        (root / "batches").mkdir(parents=True, exist_ok=True)
        (root / "incoming").mkdir(exist_ok=True)
        found = [msgspec.json.decode(path.read_bytes(), type=Batch) for path in root.glob("batches/*/batch.json")]
        for batch in sorted(found, key=lambda batch: batch.created_at):
            self._batches[batch.id] = batch

    def __contains__(self, batch_id: str) -> bool:
        return self.folder(batch_id).exists()

    def folder(self, batch_id: str) -> Path:
        """Where a batch keeps its files, also after it was deleted."""
        return self.root / "batches" / batch_id

    def find(self, batch_id: str, workspace: str) -> Batch | None:
        """The batch of this id, if it belongs to the workspace."""
        batch = self._batches.get(batch_id)
        return batch if batch is not None and batch.workspace == workspace else None

    def newest_first(self, workspace: str | None = None) -> list[Batch]:
        """All batches of a workspace, or of all."""
        return [one for one in reversed(self._batches.values()) if workspace in {None, one.workspace}]

    def add(self, batch: Batch, body: Path) -> None:
        """Take a new batch and its *body*, which moves into its folder."""
        self.folder(batch.id).mkdir()
        body.rename(self.folder(batch.id) / "requests.json")
        self._batches[batch.id] = batch
        self.save(batch)

    def save(self, batch: Batch) -> None:
        """Write the counters."""
        path = self.folder(batch.id) / "batch.json"
        part = path.with_suffix(".part")
        part.write_bytes(msgspec.json.encode(batch))
        part.replace(path)

    def remove(self, batch: Batch) -> None:
        """Delete a batch; its bill stays, for it was paid."""
        del self._batches[batch.id]
        for name in ("batch.json", "requests.json", "results.jsonl"):
            (self.folder(batch.id) / name).unlink()

    def bills(self) -> dict[str, Bill]:
        """What each ended batch cost, deleted ones included."""
        paths = sorted(self.root.glob("batches/*/bill.json"))
        return {path.parent.name: msgspec.json.decode(path.read_bytes(), type=Bill) for path in paths}

    def clear(self) -> None:
        """Forget everything, on disk too."""
        self._batches.clear()
        for name in ("batches", "incoming"):
            shutil.rmtree(self.root / name)
            (self.root / name).mkdir()
