"""The simulator's own files, read without its help: who was asked what, how often, and what was answered."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tests.chaos.night import Sentiment


def paid_after_valid(state: Path) -> list[str]:
    """A sentence for each mail that was billed again although a valid answer to it was there."""
    history: dict[str, list[tuple[bool, str]]] = defaultdict(list)
    for batch in sorted(state.glob("batches/*/batch.json"), key=_created):
        for text, valid in _billed(batch.parent):
            history[text].append((valid, batch.parent.name))
    return [
        f"{text[:40]!r} was billed {len(found)} times, and was answered before the last: {found}"
        for text, found in history.items()
        if any(valid for valid, _ in found[:-1])
    ]


def _created(path: Path) -> float:
    created: float = json.loads(path.read_bytes())["created_at"]
    return created


def _billed(folder: Path) -> Iterator[tuple[str, bool]]:
    """The text of each request that was billed, and whether its answer is valid. Repeated lines count once."""
    asked = {
        one["custom_id"]: one["params"]["messages"][-1]["content"]
        for one in json.loads((folder / "requests.json").read_bytes())["requests"]
    }
    lines = {line["custom_id"]: line["result"] for line in map(json.loads, _lines(folder / "results.jsonl"))}
    for name, result in lines.items():
        if result["type"] == "succeeded":
            yield str(asked[name]), _valid(result["message"])


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines() if path.exists() else []


def _valid(message: dict[str, Any]) -> bool:
    if message["stop_reason"] != "end_turn" or not message["content"]:
        return False
    try:
        Sentiment.model_validate_json(message["content"][0]["text"])
    except ValidationError:
        return False
    return True
