"""The prompt template: literal text with `{column}` in it, and nothing else.

It is not a Jinja template and not a format string: the text in braces is the whole name of a column, such as `{body}`,
`{Review Text}`, `{user.text}`, `{2026-Q1}` or `{Q1: How was it?}`. There are no attributes, indexes, conversions or format
specs, so a row's text can only ever be a value. `{{` and `}}` stand for single braces.
"""

from __future__ import annotations

import re
from string import Formatter

from airflow_provider_claude.errors import JobError

_CLOSING_TAG = re.compile(r"</[A-Za-z][\w.-]*>")

#: A name of a column: no blank at its ends, and nothing that could be a tag, an index, a conversion or a format spec. A colon
#: is part of a name where a blank follows.
_NAME = re.compile(r"(?!\s)(?:[^{}\[\]<>!:\"\\\x00-\x1f\x7f-\x9f\u2028\u2029]|:(?= )){1,200}(?<!\s)")
_FORBIDDEN = '[ ] < > ! : " \\'

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
    name = field + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
    if not _NAME.fullmatch(name) or conversion:
        meant = name.strip()
        hint = (
            f"Write {{{meant}}}." if meant != name and _NAME.fullmatch(meant) else "Write e.g. {body} or {Review Text}."
        )
        raise JobError(
            f"prompt has {{{name[:80]}}}: only plain column names can stand in braces, without any of {_FORBIDDEN}. {hint}"
        )
    return literal, name


def columns_of(pieces: tuple[Piece, ...]) -> tuple[str, ...]:
    """The columns a prompt names, each once, in order of appearance."""
    return tuple(dict.fromkeys(column for _, column in pieces if column))


def closing_tags(prompt: str) -> tuple[str, ...]:
    """The closing tags a prompt uses as delimiters, such as `</email>`: a text that holds one is noted."""
    return tuple(dict.fromkeys(_CLOSING_TAG.findall(prompt)))
