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
        before = _not_plain(self._texts(judged))
        old = [text for texts in before.values() for text in texts]
        new = _cleaned(old) if old else old
        if new == old:
            return judged
        after = iter(new)
        changed = {row: self._changed(judged[row], texts, after) for row, texts in before.items()}
        return [changed.get(row, one) for row, one in enumerate(judged)]

    def _texts(self, judged: list[Judged]) -> list[tuple[int, str]]:
        """The free texts in the answers of *judged*, in order, each with its row."""
        answers = [(row, one.answer) for row, one in enumerate(judged) if one.answer]
        if self._flat:
            names = list(self._forms)
            return [(row, text) for row, one in answers for name in names if isinstance(text := one.get(name), str)]
        forms = self._forms.items()
        return [(row, text) for row, one in answers for name, form in forms for text in _texts(one.get(name), form)]

    def _changed(self, one: Judged, before: list[str], after: Iterator[str]) -> Judged:
        """*one* with the next of *after* instead of *before*."""
        texts = [next(after) for _ in before]
        if texts == before or one.answer is None:
            return one
        rest = iter(texts)
        parts = {name: _with(one.answer[name], form, rest) for name, form in self._forms.items() if name in one.answer}
        return msgspec.structs.replace(one, answer={**one.answer, **parts}, cleaned=True)


def _not_plain(texts: Sequence[tuple[int, str]]) -> dict[int, list[str]]:
    """The rows of *texts* in which cleaning may change one, each with all of its texts."""
    rows = {row for row, text in texts if not text.isascii()}
    if not is_plain("\n".join([text for _, text in texts if text.isascii()])):
        rows |= {row for row, text in texts if not is_plain(text)}
    found: dict[int, list[str]] = {}
    for row, text in texts if rows else ():
        if row in rows:
            found.setdefault(row, []).append(text)
    return found


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
