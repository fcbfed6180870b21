"""`show --prompt`: what a run asks of each row, as its plan has it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from airflow_provider_claude.cli.screen import Screen
from airflow_provider_claude.job import JobSpec
from airflow_provider_claude.store import RunFolder


def show_prompt(run: RunFolder, out: Screen) -> int:
    """Print the job of *run*: its settings, system prompt, prompt, labelled examples and schema. Returns the exit code.

    Raises StateError where the run is not planned as it is scanned now.
    """
    plan = run.need_plan()
    job = plan.job
    settings = _settings(job)
    texts = {"system": job.system, "prompt": job.prompt, "examples": job.examples}
    out.document({"run": str(run), **settings, **texts, "schema": job.schema})
    for name, value in settings.items():
        out.line(f"{name}: {value if isinstance(value, str) else msgspec.json.encode(value).decode()}")
    for name, text in texts.items():
        _part(name, text.splitlines() if text else ["(none)"], out)
    _part("schema", msgspec.json.format(msgspec.json.encode(job.schema), indent=2).decode().splitlines(), out)
    for line in _notes():
        out.line(line)
    return 0


def _settings(job: JobSpec) -> dict[str, object]:
    return {
        "model": job.model,
        "max_tokens": job.max_tokens,
        "thinking": job.thinking,
        "params": job.params,
        "placement": job.placement,
        "prompt_hash": job.prompt_hash,
        "schema_hash": job.schema_hash,
    }


def _part(name: str, lines: list[str], out: Screen) -> None:
    out.line()
    out.line(f"--- {name} ---")
    for line in lines:
        out.line(line)


def _notes() -> Iterator[str]:
    yield ""
    yield (
        "Each request has the system prompt with a confidential word and the examples in it, and the row's values in tags of "
        "their own: `claude-batch trace ITEM_ID RUN --request` shows one as it was sent."
    )
