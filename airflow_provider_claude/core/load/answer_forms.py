"""The form of an answer: its schema without references and choices, as it is needed to read what came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from airflow_provider_claude.job.forms import KINDS, kinds_of
from airflow_provider_claude.job.schema import resolve


@dataclass(frozen=True)
class Form:
    """The JSON types that the schema allows at one place, and the forms of what is in there. *required*: of the properties,
    those that every object there has; *words*: the texts to choose from.
    """

    kinds: frozenset[str]
    properties: Mapping[str, Form]
    required: frozenset[str]
    items: Form | None
    words: frozenset[str]

    @cached_property
    def spellings(self) -> Mapping[str, str]:
        """The word for each that no other differs from by letter case alone, by its folded form."""
        found: dict[str, list[str]] = {}
        for word in self.words:
            found.setdefault(word.casefold(), []).append(word)
        return {folded: words[0] for folded, words in found.items() if len(words) == 1}

    @cached_property
    def as_is(self) -> frozenset[type]:
        """The types of values that are such JSON themselves."""
        return frozenset(kind for kind, names in KINDS.items() if kind is not list and self.kinds.intersection(names))


def form_of(schema: Mapping[str, Any]) -> Form:
    """The form of answers to *schema*, which is not recursive."""
    return _form([schema], schema)


def _form(choices: Sequence[Mapping[str, Any]], root: Mapping[str, Any]) -> Form:
    """The form of a value that one of *choices* describes."""
    nodes = [node for choice in choices for node in flat(choice, root)]
    children: dict[str, list[Mapping[str, Any]]] = {}
    for node in nodes:
        for name, child in node.get("properties", {}).items():
            children.setdefault(name, []).append(child)
    items = [node["items"] for node in nodes if "items" in node]
    return Form(
        kinds=frozenset(kind for node in nodes for kind in _kinds(node)),
        properties={name: _form(several, root) for name, several in children.items()},
        required=_required([node for node in nodes if "properties" in node]),
        items=_form(items, root) if items else None,
        words=frozenset(word for node in nodes for word in _values(node) if isinstance(word, str)),
    )


def _required(objects: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    every = [frozenset(node.get("required", ())) for node in objects]
    return frozenset.intersection(*every) if every else frozenset()


def flat(node: Mapping[str, Any], root: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """*node* without references and choices: one node for each type it may have."""
    node = resolve(node, root)
    return [one for choice in node["anyOf"] for one in flat(choice, root)] if "anyOf" in node else [node]


def _kinds(node: Mapping[str, Any]) -> list[str]:
    if "type" in node:
        return [node["type"]]
    return [kind for value in _values(node) for kind in kinds_of(value)]


def _values(node: Mapping[str, Any]) -> list[Any]:
    """What *node* allows to choose from; nothing where it allows a whole type."""
    return node["enum"] if "enum" in node else [node["const"]] if "const" in node else []


def spelled(value: Any, form: Form) -> Any:
    """*value* with texts to choose from in the schema's letter case, which the API does not guarantee, and with whole
    numbers as such where the schema asks for them: `5.0` is one to JSON Schema, and none to a strict model.

    (https://platform.claude.com/docs/en/build-with-claude/structured-outputs)
    """
    match value:
        case str():
            return value if value in form.words else form.spellings.get(value.casefold(), value)
        case float() if "integer" in form.kinds and "number" not in form.kinds and value.is_integer():
            return int(value)
        case dict():
            parts = form.properties
            return {name: spelled(part, parts[name]) if name in parts else part for name, part in value.items()}
        case list() if form.items is not None:
            items = form.items
            return [spelled(item, items) for item in value]
        case _:
            return value
