"""What differs between two jobs, in the words of a person who changed it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from airflow_provider_claude.job.spec import JobSpec

#: Parameters of the API that change where or for whom a request is processed, and no answer.
_NO_ANSWER = frozenset({"metadata", "service_tier", "inference_geo"})

#: Each part of a job that can change answers. The key is not one: it is of the work folder, and says nothing.
_PARTS: Mapping[str, Callable[[JobSpec], Any]] = {
    "model": lambda job: job.model,
    "prompt": lambda job: [job.system, job.prompt],
    "examples": lambda job: job.examples,
    "schema": lambda job: job.schema,
    "settings": lambda job: [
        job.max_tokens,
        _in_order(job.thinking or {}),
        job.placement,
        _in_order({name: value for name, value in job.params.items() if name not in _NO_ANSWER}),
    ],
}


def job_changes(before: JobSpec, after: JobSpec) -> list[str]:
    """Which parts of *before* and *after* differ: model, prompt, examples, schema, settings. The order of a schema's fields and
    options counts.
    """
    return [name for name, part in _PARTS.items() if _written(part(before)) != _written(part(after))]


def differing(parts: Sequence[str]) -> str:
    """*parts* as the beginning of a sentence: `The model and the prompt differ`."""
    *first, last = [f"the {part}" for part in parts]
    said = f"{', '.join(first)} and {last} differ" if first else f"{last} differs"
    return said[0].upper() + said[1:]


def _in_order(settings: Mapping[str, Any]) -> str:
    return json.dumps(settings, sort_keys=True)


def _written(value: Any) -> str:
    return json.dumps(value)
