"""The settings in `[claude]` of Airflow's configuration, from the provider info."""

from __future__ import annotations

from airflow_provider_claude import get_provider_info
from docs.ext.markdown import code, table


def as_markdown() -> str:
    """A table of the settings, each with the variable that sets it."""
    section = get_provider_info()["config"]["claude"]
    rows = [
        [code(name), _default(option["default"]), f"{_text(option)} ({code(f'AIRFLOW__CLAUDE__{name.upper()}')})"]
        for name, option in section["options"].items()
    ]
    return f"{section['description']}\n\n{table(['setting', 'default', ''], rows)}"


def _default(value: str) -> str:
    return code(value) if value else "empty"


def _text(option: dict[str, str | None]) -> str:
    example = option["example"]
    return f"{option['description']} Example: {code(example)}." if example else str(option["description"])
