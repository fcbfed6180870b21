"""What is refused at once when a batch is created: the frame around `params`, never `params` itself.

Texts as the API writes them; that of more than 100,000 requests is a guess.
Source: https://platform.claude.com/docs/en/build-with-claude/batch-processing
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from mmap import mmap
from typing import NoReturn

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

MAX_REQUESTS = 100_000
_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}").fullmatch
_PATH = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)
_QUOTED = re.compile(r"`([^`]*)`")


class Entry(Struct, forbid_unknown_fields=True):
    """One request of a batch; *params* stays unread bytes."""

    custom_id: str | UnsetType = UNSET
    params: Raw | UnsetType = UNSET


class _Body(Struct, forbid_unknown_fields=True):
    requests: list[Entry]


class IntakeError(Exception):
    """The body of a create is refused; the message is that of the 400."""


def read_entries(body: bytes | mmap) -> list[Entry]:
    """The requests of a create body that was accepted before; `params` are views into *body*."""
    return msgspec.json.decode(body, type=_Body).requests


def check_body(body: bytes | mmap) -> list[Entry]:
    """The requests of a create body.

    Raises IntakeError with the text of the API's 400.
    """
    try:
        msgspec.json.decode(body, type=Raw)  # syntax first: a broken body has no fields to complain about
        entries = read_entries(body)
    except msgspec.ValidationError as error:
        raise IntakeError(pydantic_style(str(error))) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise IntakeError(f"The request body is not valid JSON: {error}") from error
    if not entries:
        raise IntakeError("requests: List should have at least 1 item after validation, not 0")
    if len(entries) > MAX_REQUESTS:
        most = f"at most {MAX_REQUESTS} items after validation"
        raise IntakeError(f"requests: List should have {most}, not {len(entries)}")
    _check_ids(entries)
    return entries


def _check_ids(entries: Sequence[Entry]) -> None:
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        name = entry.custom_id
        if name is UNSET or entry.params is UNSET or not _CUSTOM_ID(name):
            _refuse(index, entry)
        if name in seen:
            text = "custom_id's must be unique within a batch. Duplicate custom_id found"
            raise IntakeError(f"requests: {text}: {name}")
        seen.add(name)


def _refuse(index: int, entry: Entry) -> NoReturn:
    at = f"requests.{index}"
    match entry.custom_id:
        case UnsetType():
            raise IntakeError(f"{at}.custom_id: Field required")
        case name if len(name) > 64:
            raise IntakeError(f"{at}.custom_id: String should have at most 64 characters")
        case name if not _CUSTOM_ID(name):
            raise IntakeError(f"{at}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
    raise IntakeError(f"{at}.params: Field required")


def pydantic_style(message: str) -> str:
    """A message of msgspec in the words of the API: "Expected `str` - at `$.a[0]`" as "a.0: Input should be …"."""
    match = _PATH.match(message)
    what = match["what"] if match else message
    path = (match["path"] or "") if match else ""
    parts = [part for part in re.split(r"[.\[\]]+", path) if part]
    names = _QUOTED.findall(what)
    if what.startswith("Object missing required field") and names:
        return f"{'.'.join([*parts, names[0]])}: Field required"
    if what.startswith("Object contains unknown field") and names:
        return f"{'.'.join([*parts, names[0]])}: Extra inputs are not permitted"
    if what.startswith("Expected") and names:
        return f"{'.'.join(parts) or 'body'}: Input should be a valid {_TYPE_NAMES.get(names[0], names[0])}"
    return f"{'.'.join(parts) or 'body'}: {what}"


_TYPE_NAMES = {"str": "string", "object": "dictionary", "array": "list", "int": "integer", "bool": "boolean"}
