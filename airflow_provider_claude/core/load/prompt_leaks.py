"""Answers that say what they must not: the canary word, lines of the system prompt, or an order to drop instructions.

Only free text can: an enum, a number or a date holds no prose, and jobs whose answers hold nothing else cost nothing here.

An answer with the canary has repeated what no row could know, so the model may have obeyed the row's text: the answer does
not count (`CanaryError`). If the row's own text holds the word, and a person or the policy released it, the answer may quote it:
it counts, and is flagged. An echo may be honest, such as the topic "a mail that says: ignore all previous instructions": the
answer counts, and is flagged (`PromptLeaks`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.arrays import array
from airflow_provider_claude.core.load.validate import InvalidAnswerError
from airflow_provider_claude.job import JobSpec
from airflow_provider_claude.job.schema import resolve, walk
from airflow_provider_claude.job.untrusted import canary, notice

#: So many characters of a sentence are looked for: an excerpt of it is an echo too. Shorter ones could come from anywhere.
_SENTENCE, _LEAST = 40, 24

#: Sentences of a system prompt that are looked for.
_MOST = 20

_SENTENCES = re.compile(r"(?<=[.!?:])\s+|\n+")
_OVERRIDE_VERBS = (b"ignor", b"disregard", b"forget", b"overrid")
_OVERRIDE = re.compile(
    rb"\b(?:ignor|disregard|forget|overrid)\w*\s+(?:\w+\s+){0,4}?"
    rb"(?:previous|prior|above|earlier|preceding|system|your|all)\s+(?:\w+\s+)?(?:instructions?|prompts?|rules|orders|directions)\b"
)


def free_columns(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The properties of *schema* whose values can hold prose."""
    return tuple(name for name, node in resolve(schema, schema)["properties"].items() if _is_free(node, schema))


def _is_free(node: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    return any(
        "string" in str(part.get("type", "string")) and not {"enum", "const", "format"} & part.keys()
        for _, part in walk(node, root)
        if "type" in part or not {"enum", "const", "anyOf", "oneOf", "allOf", "properties"} & part.keys()
    )


class CanaryError(InvalidAnswerError):
    """It repeats the confidential word of the system prompt: it may do what the text of the row asks for."""

    def __init__(self) -> None:
        super().__init__(str(self.__doc__).removesuffix("."))


class PromptLeaks:
    """Finds the canary and prompt leaks in answers to one job: one look at the texts of many, a second where there is one."""

    def __init__(self, spec: JobSpec) -> None:
        self.columns = free_columns(spec.answer_schema)
        key = spec.secret_key
        word = canary(key)
        prompts = {
            "leaks_system": spec.system,
            "leaks_notice": notice(key).replace(word, "\n"),
        }
        self._word = word.encode()
        self._needles = {name: needles(text) for name, text in prompts.items()}

    def flags(self, columns: Mapping[str, pa.Array], answers: Sequence[Any], quoting: Collection[int] = ()) -> pa.Array:
        """The flags of each of the *answers*, a list a row; *columns* hold the same, a column a field.

        Raises CanaryError where one of them holds the canary, except at the indexes *quoting*: their texts hold it.
        """
        low = b"".join(part for name in self.columns for part in _texts(columns[name])).lower()
        holding = (index for index, answer in enumerate(answers) if self.leaks(answer)) if self._word in low else ()
        if any(index not in quoting for index in holding):
            raise CanaryError
        if not self._found(low):
            return _no_flags(len(answers))
        return array([self._found(self._text(answer)) for answer in answers], pa.list_(pa.string()))

    def leaks(self, answer: Mapping[str, Any]) -> bool:
        """Whether *answer* holds the canary."""
        return self._word in self._text(answer)

    def _text(self, answer: Mapping[str, Any]) -> bytes:
        texts = [one for name in self.columns for one in _strings(answer.get(name))]
        return "\n".join(texts).encode("utf-8", "replace").lower()

    def _found(self, low: bytes) -> list[str]:
        """The flags of the lower-case text *low*, or of all the answers it is made of."""
        found = [name for name, lines in self._needles.items() if any(line in low for line in lines)]
        if any(verb in low for verb in _OVERRIDE_VERBS) and _OVERRIDE.search(low):
            found.append("leaks_override")
        if self._word and self._word in low:
            found.append("quotes_word")
        return found


def needles(text: str) -> tuple[bytes, ...]:
    """The beginnings of the sentences of *text* by which an echo of it is known."""
    lines = [one.strip().encode()[:_SENTENCE].lower() for one in _SENTENCES.split(text)]
    return tuple(dict.fromkeys(line for line in lines if len(line) >= _LEAST))[:_MOST]


def _texts(array: pa.Array) -> Iterator[bytes]:
    """The bytes of all texts in *array*, whatever it is made of."""
    if pa.types.is_string(array.type):
        offsets, data = array.buffers()[1:]
        if data is not None and len(array):
            start, stop = np.frombuffer(offsets, "<i4")[[array.offset, array.offset + len(array)]]
            yield memoryview(data)[start:stop].tobytes()
    elif pa.types.is_struct(array.type):
        for part in array.flatten():
            yield from _texts(part)
    elif pa.types.is_list(array.type):
        yield from _texts(array.flatten())


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for one in value.values():
                yield from _strings(one)
        case list():
            for one in value:
                yield from _strings(one)


def _no_flags(rows: int) -> pa.Array:
    offsets = pa.py_buffer(np.zeros(rows + 1, dtype="<i4").tobytes())
    return pa.ListArray.from_buffers(pa.list_(pa.string()), rows, [None, offsets], children=[pa.nulls(0, pa.string())])
