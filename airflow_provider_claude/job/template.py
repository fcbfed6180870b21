"""The prompt template: literal text with `{column}` in it, and nothing else.

It is not a Jinja template and not a format string: no attributes, indexes, conversions or format specs, so a
row's text can only ever be a value. `{{` and `}}` stand for single braces.
"""

from __future__ import annotations

import re
from string import Formatter

from airflow_provider_claude.errors import JobError

_CLOSING_TAG = re.compile(r"</[A-Za-z][\w.-]*>")

#: A piece of a prompt: literal text, then the column whose value follows it (None at the end).
Piece = tuple[str, str | None]


def parse_prompt(prompt: str) -> tuple[Piece, ...]:
    """The pieces of *prompt*, in order.

    Raises JobError where it is not such a template or names no column.
    """
    try:
        parsed = list(Formatter().parse(prompt))
    except ValueError as e:
        raise JobError(
            f"prompt is not a valid template: {e}. Write {{column}} for a value, {{{{ and }}}} for braces."
        ) from e
    pieces = tuple(_piece(*fields) for fields in parsed)
    if not any(column for _, column in pieces):
        raise JobError("prompt names no column, so every row would ask the same. Write e.g. '<email>{body}</email>'.")
    return pieces


def _piece(literal: str, field: str | None, spec: str | None, conversion: str | None) -> Piece:
    if field is None:
        return literal, None
    if not field.isidentifier() or spec or conversion:
        shown = field + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
        raise JobError(f"prompt has {{{shown}}}: only plain column names can stand in braces, such as {{body}}.")
    return literal, field


def columns_of(pieces: tuple[Piece, ...]) -> tuple[str, ...]:
    """The columns a prompt names, each once, in order of appearance."""
    return tuple(dict.fromkeys(column for _, column in pieces if column))


def closing_tags(prompt: str) -> tuple[str, ...]:
    """The closing tags a prompt uses as delimiters, such as `</email>`: text that holds one is suspicious."""
    return tuple(dict.fromkeys(_CLOSING_TAG.findall(prompt)))
