"""Where the rows of a job stand: with `auto`, in the prompt, unless an answer has room for long free text.

What a row in the prompt can gain is bounded by what its answer can say: a wrong label, a silly topic. An answer with room
for prose can also tell its reader something, so all rows of such a job stand in tool results. A row in doubt does in any case,
see core.doubt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from airflow_provider_claude.job.schema import resolve
from airflow_provider_claude.job.untrusted import Placing

#: The most characters of one short text, and of all free texts of an answer together.
SHORT_TEXT, MOST_TEXT = 200, 2_000

#: Formats of text without room for prose.
_FORMATS = frozenset({"date", "time", "date-time", "duration", "ipv4", "ipv6", "uuid"})


def placing_of(wanted: Placing, schema: Mapping[str, Any]) -> Placing:
    """Where rows stand for answers to *schema*: `auto` only where these have no long free text."""
    return "tool_result" if wanted == "auto" and long_texts(schema) else wanted


def long_texts(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The properties of *schema* that have room for long free text; all that have any, where they have too much together."""
    rooms = {name: room(node, schema) for name, node in resolve(schema, schema)["properties"].items()}
    most = MOST_TEXT if math.isinf(max(rooms.values())) else 0
    return tuple(name for name, chars in rooms.items() if chars > most) if sum(rooms.values()) > MOST_TEXT else ()


def room(node: Mapping[str, Any], root: Mapping[str, Any]) -> float:
    """The most characters of free text in a value of *node*; infinite where a text, or a list of texts, is not bounded."""
    node = resolve(node, root)
    if "enum" in node or "const" in node:
        return 0
    if "anyOf" in node:
        return max(room(child, root) for child in node["anyOf"])
    match node.get("type"):
        case "object":
            return sum(room(child, root) for child in node["properties"].values())
        case "array":
            each = room(node["items"], root)
            return each * node.get("maxItems", math.inf) if each else 0
        case "string":
            return 0 if _is_formal(node) else _short(node.get("maxLength", math.inf))
    return 0


def _is_formal(node: Mapping[str, Any]) -> bool:
    return node.get("format") in _FORMATS or str(node.get("format")).startswith("decimal")


def _short(chars: float) -> float:
    return chars if chars <= SHORT_TEXT else math.inf
