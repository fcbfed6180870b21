"""The output's JSON schema, in the form that is asked, stored and checked.

`output_schema` writes it in one way: `oneOf` and lists of types become `anyOf`, a `$ref` at the root is replaced by what it
means, titles that repeat a name are left out. `check_schema` refuses what structured outputs or the answer table cannot hold,
see `job.forms`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job.forms import (
    MAX_OPTIONAL,
    MAX_UNIONS,
    anything,
    check_form,
    check_names,
    check_words,
)
from airflow_provider_claude.job.models import model_schema
from airflow_provider_claude.job.titles import untitled

#: Keywords at the root that describe the document, not the answers.
_OF_DOCUMENT = frozenset({"$schema", "$id", "$comment"})

_DEFINED = "#/$defs/"

#: Keywords that describe a value, and demand nothing of it.
_ANNOTATIONS = frozenset({"title", "description", "default"})


def output_schema(output: type[BaseModel] | Mapping[str, Any]) -> dict[str, Any]:
    """The JSON schema of *output* with its `anyOf` and root written out: a Pydantic model's own, or a copy of that given.

    Raises JobError where there is none.
    """
    if isinstance(output, type):
        if not issubclass(output, BaseModel):
            raise JobError(f"output is {output!r}: write a pydantic.BaseModel subclass or a JSON schema dict.")
        return _normal(untitled(_copy(model_schema(output)), output.__name__))
    if not isinstance(output, Mapping):
        raise JobError(f"output is {type(output).__name__}: write a pydantic.BaseModel subclass or a JSON schema dict.")
    return _normal(untitled(_copy(output)))


def _copy(schema: Mapping[str, Any]) -> dict[str, Any]:
    try:
        copied: dict[str, Any] = json.loads(json.dumps(dict(schema), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as e:
        raise JobError(f"output is a schema that cannot be written as JSON: {e}.") from e
    return copied


def _normal(schema: dict[str, Any]) -> dict[str, Any]:
    """*schema* as it is used here: see the head of this file."""
    root = {name: value for name, value in schema.items() if name not in _OF_DOCUMENT}
    if "$ref" in root:
        definitions = {"$defs": root["$defs"]} if "$defs" in root else {}
        root = {**definitions, **resolve(root, root)}
    spread: dict[str, Any] = _spread(root)
    return _without_unused(spread)


def _without_unused(schema: dict[str, Any]) -> dict[str, Any]:
    """*schema* without definitions that nothing refers to: they may be of forms that cannot be asked."""
    kept: dict[str, Any] = {}
    open_ = [{word: value for word, value in schema.items() if word != "$defs"}]
    while open_:
        for name in _referred(open_.pop()):
            if name in schema.get("$defs", {}) and name not in kept:
                kept[name] = schema["$defs"][name]
                open_.append(kept[name])
    rest = {word: value for word, value in schema.items() if word != "$defs"}
    return {**rest, "$defs": kept} if kept else rest


def _referred(node: Any) -> Iterator[str]:
    """The names of the definitions that *node* and all below it refer to."""
    if isinstance(node, list):
        node = dict(enumerate(node))
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].removeprefix(_DEFINED)
        for child in node.values():
            yield from _referred(child)


def _spread(node: Any) -> Any:
    """*node* and all below it with `anyOf` in place of `oneOf` and of a list of types."""
    if not isinstance(node, dict):
        return node
    node = {word: value for word, value in node.items() if word != "discriminator"}
    for word in ("properties", "$defs"):
        if isinstance(node.get(word), dict):
            node[word] = {name: _spread(child) for name, child in node[word].items()}
    if "items" in node:
        node["items"] = _spread(node["items"])
    if "oneOf" in node and "anyOf" not in node:
        node["anyOf"] = node.pop("oneOf")
    if isinstance(node.get("anyOf"), list):
        node["anyOf"] = [_spread(child) for child in node["anyOf"]]
    return _of_types(node) if isinstance(node.get("type"), list) else node


def _of_types(node: dict[str, Any]) -> dict[str, Any]:
    """*node*, which has a list of types, as a choice between nodes of one type each."""
    kinds = node["type"]
    if len(kinds) == 1:
        return {**node, "type": kinds[0]}
    notes: dict[str, Any] = {word: value for word, value in node.items() if word in _ANNOTATIONS}
    rest: dict[str, Any] = {word: value for word, value in node.items() if word not in {"type", *notes}}
    if "enum" in rest or "const" in rest or "anyOf" in rest:
        return {**notes, **rest}
    return {**notes, "anyOf": [{"type": kind} if kind == "null" else {**rest, "type": kind} for kind in kinds]}


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raise JobError where structured outputs, or the answer table, cannot hold *schema*."""
    properties = schema.get("properties")
    if schema.get("type") != "object" or not isinstance(properties, Mapping) or not properties:
        raise JobError("output must be an object with properties at its root: each becomes a column of the answers.")
    check_names(properties)
    optional = unions = 0
    for path, node in walk(schema, schema):
        check_form(path, node)
        optional += len(set(node.get("properties", {})) - set(node.get("required", ())))
        unions += "anyOf" in node
    if optional > MAX_OPTIONAL or unions > MAX_UNIONS:
        raise JobError(
            f"output has {optional} optional fields and {unions} unions; the API takes at most {MAX_OPTIONAL} and "
            f"{MAX_UNIONS}. Make fields required, or split the job."
        )


def has_pattern(schema: Mapping[str, Any]) -> bool:
    return any("pattern" in node for _, node in walk(schema, schema))


def is_label(field: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    """Whether *field* of the schema *root* is chosen from a list, or true or false."""
    return any(one.get("type") == "boolean" or "enum" in one or "const" in one for one in _resolved(field, root))


def labels_in(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The strings of all enums and constants of *schema*, each once, in their order."""
    found = (value for _, node in walk(schema, schema) for value in (*node.get("enum", ()), node.get("const")))
    return tuple(dict.fromkeys(value for value in found if isinstance(value, str)))


def check_compiles(schema: Mapping[str, Any]) -> None:
    """Raise JobError where *schema* is not one by the rules of JSON Schema, such as one with a bad pattern."""
    import jsonschema_rs

    try:
        jsonschema_rs.validator_for(dict(schema), validate_formats=True)
    except Exception as e:
        where = ".".join(map(str, getattr(e, "instance_path", ()))) or "(root)"
        raise JobError(f"output is not a valid JSON schema, at {where}: {str(e).splitlines()[0]}.") from e


def resolve(node: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """*node*, or what its local `$ref` points to in *root*. Raises JobError where that is nothing."""
    return _resolved(node, root)[-1]


def _resolved(node: Mapping[str, Any], root: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """*node*, what its `$ref` points to, what that one points to, and so on."""
    found = [node]
    while "$ref" in node:
        ref = node["$ref"]
        if not isinstance(ref, str) or not ref.startswith(_DEFINED):
            raise JobError(f"output refers to {ref!r}: only references like '#/$defs/NAME' are supported.")
        target = root.get("$defs", {}).get(ref.removeprefix(_DEFINED))
        if not isinstance(target, Mapping):
            raise JobError(f"output refers to {ref}, which the schema does not define under $defs.")
        if any(target is one for one in found):
            raise JobError(f"output refers to {ref}, which refers to itself; write what it stands for.")
        found.append(node := target)
    return found


def walk(
    node: Mapping[str, Any], root: Mapping[str, Any], path: str = "(root)", above: tuple[int, ...] = ()
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every schema node below *node* with its path. Raises JobError at a recursion, and where a node is no object."""
    if not isinstance(node, Mapping) or not node:
        raise JobError(anything(path))
    for one in _resolved(node, root):
        check_words(path, one)
        node = one
    if id(node) in above:
        raise JobError(f"output field {path} contains itself; structured outputs do not support recursive schemas.")
    yield path, node
    for name, child in _children(node):
        yield from walk(child, root, f"{path}.{name}".removeprefix("(root)."), (*above, id(node)))


def _children(node: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(node.get("properties"), Mapping):
        yield from node["properties"].items()
    if "items" in node:
        yield "[]", node["items"]
    for keyword in ("anyOf", "oneOf", "allOf"):
        for i, child in enumerate(node.get(keyword, ())):
            yield f"{keyword}[{i}]", child
