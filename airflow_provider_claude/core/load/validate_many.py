"""Many answers in one call of Pydantic: 3 µs an answer of four fields, where a call each takes 5.

The answers are joined to one JSON array. Nothing that an answer holds can move the border between two of them: each begins
with its only `{` and ends with its only `}`, and they stand on lines of their own, which no JSON string goes beyond
(RFC 8259, section 7).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import BaseModel, RootModel, TypeAdapter

from airflow_provider_claude.core.load.answer_forms import Form
from airflow_provider_claude.job.models import schema_names

#: Answers of one call. One that is invalid has all of them validated one by one.
TOGETHER = 64


class ManyAtOnce:
    """Validates answers to a model whose columns are plain values, under the names of its attributes."""

    def __init__(self, model: type[BaseModel], columns: Mapping[str, Form]) -> None:
        self._model, self._columns = model, columns
        self._validate = TypeAdapter(list[model]).validator.validate_json  # type: ignore[valid-type]

    @classmethod
    def of(cls, model: type[BaseModel], form: Form) -> Self | None:
        """The validator of *model*, whose schema has *form*; None where its answers may hold objects or lists."""
        plain = all(not child.properties and child.items is None for child in form.properties.values())
        names = {} if issubclass(model, RootModel) else schema_names(model)
        same = all(name == attribute for name, attribute in names.items()) and names.keys() == form.properties.keys()
        return cls(model, form.properties) if plain and names and same else None

    def __call__(self, texts: Sequence[str]) -> list[dict[str, Any]] | None:
        """The columns of each of *texts*, at most TOGETHER; None where one of them has to be looked at by itself."""
        if not all(map(_is_flat_object, texts)):
            return None
        try:
            answers = self._validate("[" + ",\n".join(texts) + "]", strict=True)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - one is invalid, or a validator of the user's own raised: it is found one by one
            return None
        if len(answers) != len(texts) or {type(one) for one in answers} != {self._model}:
            return None
        rows = [one.__dict__ for one in answers]
        return rows if self._are_plain(rows) else None

    def _are_plain(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Whether *rows* hold the columns, and all values are of the types that the schema has for them."""
        if any(row.keys() != self._columns.keys() for row in rows):
            return False
        for name, child in self._columns.items():
            values = [row[name] for row in rows]
            kinds = set(map(type, values))
            if not kinds <= child.as_is:
                return False
            if float in kinds and not all(math.isfinite(value) for value in values if type(value) is float):
                return False
        return True


def _is_flat_object(text: str) -> bool:
    """Whether *text*, if it is JSON, is one object without an object in it."""
    return text.startswith("{") and text.endswith("}") and text.count("{") == text.count("}") == 1
