"""A JSON schema as the API's structured outputs take it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_claude.errors import (
    JobError,
)


def api_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """*schema* cut down by the SDK to what structured outputs take; what they do not becomes description.

    Raises JobError where the SDK finds no equivalent.
    """
    from anthropic import transform_schema

    try:
        return transform_schema(dict(schema))
    except (ValueError, AssertionError) as e:
        raise JobError(f"output cannot be asked for as a structured output: {e}") from e
