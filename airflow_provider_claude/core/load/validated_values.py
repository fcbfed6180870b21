"""What a model made of an answer, as plain JSON values by the names of the schema that was asked.

A column holds the validated value, so that a validator that strips, lowers or clamps has its way, and a default fills what
was left out. Where that value is not of the type the schema says (a validator that returns another type, a secret, a set,
a class of the user's own), the column holds what Claude answered, whole. Serializers have no say: neither
`serialization_alias`, `exclude` nor `field_serializer` changes a column.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any
from uuid import UUID

from pydantic import BaseModel, RootModel
from pydantic_core import to_jsonable_python

from airflow_provider_claude.core.load.answer_forms import Form
from airflow_provider_claude.job.forms import kinds_of
from airflow_provider_claude.job.models import schema_names

#: Values that JSON writes as text in one way.
_WRITTEN = (datetime, date, time, timedelta, Decimal, UUID)


class _UnlikeError(Exception):
    """The value has no JSON form of the schema's types. Stays inside this file."""


_NO_LEAF = object()


def row_of(answer: Any, form: Form, answered: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """The columns of *answer*, as a model has validated it. *answered* reads what Claude said."""
    try:
        held = _parts(_unwrapped(answer))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a validator of the user's own may have returned anything
        held = {}
    row: dict[str, Any] = {}
    said: Mapping[str, Any] | None = None
    for name, child in form.properties.items():
        try:
            value = held[name]
            kind = type(value)
            row[name] = value if kind in child.as_is and kind is not float else _plain(value, child)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - classes of the user's own may raise anything; what was answered is there
            said = answered() if said is None else said
            row[name] = said.get(name)
    return row


def _unwrapped(value: Any) -> Any:
    while _is_root(type(value)):
        value = value.__dict__["root"]
    return value


def _plain(value: Any, form: Form) -> Any:
    """*value* as JSON of *form*. Raises _UnlikeError, or anything that the user's classes do."""
    kind = type(value)
    if kind in form.as_is and (kind is not float or math.isfinite(value)):
        return value
    value = _unwrapped(value)
    if isinstance(value, Enum):
        value = value.value
    plain = _list(value, form) if isinstance(value, list | tuple | deque) else _leaf(value, form)
    if plain is _NO_LEAF:
        return _object(value, form)
    if form.kinds.isdisjoint(kinds_of(plain)):
        raise _UnlikeError
    return plain


def _list(value: Any, form: Form) -> list[Any]:
    if form.items is None:
        raise _UnlikeError
    items = form.items
    return [_plain(item, items) for item in value]


def _leaf(value: Any, form: Form) -> Any:
    """*value* as a JSON value without parts, of exactly that type; _NO_LEAF where it is none."""
    match value:
        case None | bool():
            return value
        case str():
            return str.__str__(value)
        case int():
            return int(value)
        case float() if math.isfinite(value):
            return int(value) if "number" not in form.kinds and value.is_integer() else float(value)
    return to_jsonable_python(value) if isinstance(value, _WRITTEN) else _NO_LEAF


def _object(value: Any, form: Form) -> dict[str, Any]:
    """A nested *value* by the schema's names: all that it has, and nothing that the schema has not."""
    parts = _parts(value)
    if not form.properties or not form.properties.keys() >= parts.keys() >= form.required:
        raise _UnlikeError
    return {name: _plain(part, form.properties[name]) for name, part in parts.items()}


def _parts(value: Any) -> Mapping[str, Any]:
    """What *value* has, by the schema's names."""
    if isinstance(value, dict):
        return value
    names = _attributes(type(value))
    if _is_model(type(value)):
        held = value.__dict__
        return {name: held[attribute] for name, attribute in names.items()}
    return {name: getattr(value, attribute) for name, attribute in names.items()}


#: Whether a class is a RootModel, or a model. `isinstance` asks a metaclass of Pydantic, which costs more than to read an answer.
_is_root: Callable[[Any], bool] = lru_cache(maxsize=1024)(lambda kind: issubclass(kind, RootModel))
_is_model: Callable[[Any], bool] = lru_cache(maxsize=1024)(lambda kind: issubclass(kind, BaseModel))

#: The schema's name of each field of a class, and the attribute that holds it.
_attributes: Callable[[Any], dict[str, str]] = lru_cache(maxsize=256)(schema_names)
