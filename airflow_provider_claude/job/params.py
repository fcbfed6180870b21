"""Request parameters beside the ones with a field of their own, checked against API version 2026-10-21.

The API reports a wrong parameter inside a batch only when the batch has ended, once for every row; these checks report it
when the DAG is parsed. Sources: https://platform.claude.com/docs/en/api/versioning,
https://platform.claude.com/docs/en/build-with-claude/batch-processing and /structured-outputs (2026).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from airflow_provider_claude.errors import JobError

#: Allowed in `params`. `effort` becomes `output_config.effort`, as the API has it.
ALLOWED = frozenset({"effort", "inference_geo", "metadata", "service_tier", "stop_sequences"})

EFFORTS = ("low", "medium", "high", "xhigh", "max")

_SAMPLING = (
    "was removed in API version 2026-10-21 and fails every row. Leave it out and say in the prompt what you want"
)
_FIELD = "has its own parameter: write ClaudeJob({0}=...)"

_REFUSED: dict[str, str] = {
    "temperature": _SAMPLING,
    "top_p": _SAMPLING,
    "top_k": _SAMPLING,
    "model": _FIELD.format("model"),
    "system": _FIELD.format("system"),
    "max_tokens": _FIELD.format("max_tokens"),
    "thinking": _FIELD.format("thinking"),
    "messages": "is built from the prompt template: write ClaudeJob(prompt=...)",
    "output_config": "is built from the output: write ClaudeJob(output=...), and params={'effort': ...} for effort",
    "output_format": "is built from the output: write ClaudeJob(output=...)",
    "stream": "is not supported in the Message Batches API. Leave it out",
    "speed": "is not supported in the Message Batches API. Leave it out",
    "fallbacks": "is not supported in the Message Batches API. Leave it out; refused rows end as 'refused'",
    "betas": "does not work per request: beta flags belong to the header of a whole batch",
    "tools": "is not used here: answers come as structured output. Write ClaudeJob(output=...)",
    "tool_choice": "is not used here: answers come as structured output. Write ClaudeJob(output=...)",
}


def check_params(params: Mapping[str, Any]) -> None:
    """Raise JobError at the first parameter that cannot be sent, saying what to write instead."""
    for name, value in params.items():
        if name in _REFUSED:
            raise JobError(f"params[{name!r}] {_REFUSED[name]}.")
        if name not in ALLOWED:
            raise JobError(
                f"params[{name!r}] is not a parameter of the Messages API that can be sent here. {_hint(name)}"
            )
        if name == "effort" and value not in EFFORTS:
            raise JobError(f"params['effort'] is {value!r}; write one of {', '.join(EFFORTS)}.")


def _hint(name: str) -> str:
    close = difflib.get_close_matches(name, ALLOWED, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"Known here: {', '.join(sorted(ALLOWED))}."


def check_thinking(thinking: Mapping[str, Any] | None, params: Mapping[str, Any]) -> None:
    """Raise JobError where the thinking mode is unknown, or contradicts the effort."""
    if thinking is None:
        return
    kind = thinking.get("type")
    if kind == "enabled":
        raise JobError(
            "thinking type 'enabled' is refused by current models; write {'type': 'adaptive'} or 'disabled'."
        )
    if kind not in {"adaptive", "disabled"}:
        raise JobError(f"thinking={dict(thinking)!r}: write {{'type': 'disabled'}}, {{'type': 'adaptive'}} or None.")
    if kind == "disabled" and params.get("effort") in {"xhigh", "max"}:
        raise JobError(
            "thinking 'disabled' does not go with effort 'xhigh' or 'max'; write thinking={'type': 'adaptive'}."
        )
