"""The simulator's own files, read without its help: who was asked what, how often, and what was answered."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tests.chaos.night import Sentiment

#: A row of the table as it is handed to the model.
_ROW = re.compile(r"<data-[^>]*>(\{.*?\}|\".*?\"|null)</data-", re.DOTALL)


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


def given(state: Path) -> dict[str, set[str]]:
    """What was answered to each text that a batch asked about alone."""
    found: dict[str, set[str]] = defaultdict(set)
    for folder in state.glob("batches/*"):
        for text, result in _answered(folder):
            if result["type"] == "succeeded" and _valid(result["message"]):
                found[text].add(json.loads(result["message"]["content"][0]["text"])["sentiment"])
    return found


def paid_twice(state: Path) -> list[str]:
    """A sentence for each text that was billed in more than one batch, or twice in one, whatever was written around it."""
    billed = Counter(text for folder in state.glob("batches/*") for text, _ in _billed(folder))
    return [f"{text[:60]!r} was billed {times} times" for text, times in billed.items() if times > 1]


def _created(path: Path) -> float:
    created: float = json.loads(path.read_bytes())["created_at"]
    return created


def _billed(folder: Path) -> Iterator[tuple[str, bool]]:
    """The text of each request that was billed, and whether its answer is valid."""
    for content, result in _answered(folder):
        if result["type"] == "succeeded":
            yield content, _valid(result["message"])


def _answered(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The text of each request that has a result, and the result. Repeated lines count once."""
    asked = {
        one["custom_id"]: _text(one["params"]["messages"][-1]["content"])
        for one in json.loads((folder / "requests.json").read_bytes())["requests"]
    }
    lines = {line["custom_id"]: line["result"] for line in map(json.loads, _lines(folder / "results.jsonl"))}
    yield from ((asked[name], result) for name, result in lines.items())


def _text(content: Any) -> str:
    """The mails themselves: what is around them may differ from batch to batch."""
    text = content[0]["content"] if isinstance(content, list) else content
    rows = [json.loads(found) for found in _ROW.findall(str(text))]
    return "\n".join(str(row.get("body", row) if isinstance(row, dict) else row) for row in rows) or str(text)


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
