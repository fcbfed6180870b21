"""Free text of answers, cleaned as the texts that are asked about are (`core.scan.normalise`): a text can have its answer hold
what a person cannot see, and the table's readers are as easily fooled as its own.

Words that the schema offers to choose from, dates and numbers are as they are. An answer that was changed is flagged `cleaned`:
what Claude said, byte for byte, is in the shard's results.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from airflow_provider_claude.core.arrays import array
from airflow_provider_claude.core.load.answer_forms import Form, form_of
from airflow_provider_claude.core.load.answers import Judged
from airflow_provider_claude.core.load.prompt_leaks import free_columns
from airflow_provider_claude.core.scan.normalise import is_plain, normalise


class Cleaner:
    """Cleans answers to *schema*, many at a time. Schemas without free text cost nothing."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        form = form_of(schema)
        self._forms = {name: form.properties[name] for name in free_columns(schema)}
        self._flat = all(one.items is None and not one.properties and not one.words for one in self._forms.values())

    def clean(self, judged: list[Judged]) -> list[Judged]:
        """*judged* with clean answers, each that was changed marked so."""
        if not self._forms:
            return judged
        read = self._texts_of_flat if self._flat else self._texts
        before = [read(one.answer) if one.answer else [] for one in judged]
        rows = _not_plain(before)
        after = iter(_cleaned([text for row in rows for text in before[row]]))
        changed = {row: self._changed(judged[row], before[row], after) for row in rows}
        return [changed.get(row, one) for row, one in enumerate(judged)] if changed else judged

    def _texts(self, answer: Mapping[str, Any]) -> list[str]:
        """The free texts in *answer*, in order."""
        return [text for name, form in self._forms.items() for text in _texts(answer.get(name), form)]

    def _texts_of_flat(self, answer: Mapping[str, Any]) -> list[str]:
        """The same where each is a column by itself."""
        return [text for name in self._forms if isinstance(text := answer.get(name), str)]

    def _changed(self, one: Judged, before: list[str], after: Iterator[str]) -> Judged:
        """*one* with the next of *after* instead of *before*."""
        texts = [next(after) for _ in before]
        if texts == before or one.answer is None:
            return one
        rest = iter(texts)
        parts = {name: _with(one.answer[name], form, rest) for name, form in self._forms.items() if name in one.answer}
        return msgspec.structs.replace(one, answer={**one.answer, **parts}, cleaned=True)


def _not_plain(before: Sequence[list[str]]) -> list[int]:
    """The rows whose texts cleaning may change."""
    joined = ["\n".join(texts) for texts in before]
    return [] if is_plain("\n".join(joined)) else [row for row, text in enumerate(joined) if not is_plain(text)]


def _texts(value: Any, form: Form) -> Iterator[str]:
    """The free texts in *value*, in order."""
    match value:
        case str() if value not in form.words:
            yield value
        case dict():
            for name, part in value.items():
                if name in form.properties:
                    yield from _texts(part, form.properties[name])
        case list() if form.items is not None:
            for item in value:
                yield from _texts(item, form.items)


def _with(value: Any, form: Form, texts: Iterator[str]) -> Any:
    """*value* with the next of *texts* for each of its free texts."""
    match value:
        case str() if value not in form.words:
            return next(texts)
        case dict():
            known = form.properties
            return {name: _with(part, known[name], texts) if name in known else part for name, part in value.items()}
        case list() if form.items is not None:
            items = form.items
            return [_with(item, items, texts) for item in value]
        case _:
            return value


def _cleaned(texts: Sequence[str]) -> list[str]:
    """*texts* as a person sees them. What is not valid Unicode stays: it fits no column, and the load reports it."""
    try:
        found: list[str] = normalise(array(texts, pa.string())).texts.to_pylist()
    except UnicodeEncodeError:
        return [_cleaned([text])[0] if _is_unicode(text) else text for text in texts]
    return found


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)
