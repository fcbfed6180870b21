"""How pages and charts are written: every value that a template prints is made legible, and then escaped. Nothing in the data
can act, neither as markup nor as a control character.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from airflow_provider_claude.core.legible import legible

if TYPE_CHECKING:
    from jinja2 import Environment


def environment_with(filters: Mapping[str, Callable[..., Any]]) -> Environment:
    """What reads templates that use *filters* beside those of Jinja."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, finalize=_finalize, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= dict(filters)
    return environment


def _finalize(value: Any) -> Any:
    return legible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
