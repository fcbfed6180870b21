"""The output's JSON schema, checked for what structured outputs cannot express.

The API takes a subset of JSON Schema (https://platform.claude.com/docs/en/build-with-claude/structured-outputs):
bounds and lengths are sent as descriptions and enforced on our side, but recursion, free-form objects and a
root that is not an object have no equivalent, and are refused here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from airflow_provider_claude.errors import JobError

#: Names of the answer table that the answer's own fields may not take.
RESERVED_NAMES = frozenset({"item_id", "duplicate_of"})
RESERVED_PREFIX = "claude_"

#: The API refuses schemas with more optional parameters or unions than these.
MAX_OPTIONAL, MAX_UNIONS = 24, 16


def output_schema(output: type[BaseModel] | Mapping[str, Any]) -> dict[str, Any]:
    """The JSON schema of *output*, as written: a Pydantic model's own, or a copy of the schema given."""
    if isinstance(output, type):
        if not issubclass(output, BaseModel):
            raise JobError(f"output is {output!r}: write a pydantic.BaseModel subclass or a JSON schema dict.")
        return output.model_json_schema()
    if not isinstance(output, Mapping):
        raise JobError(f"output is {type(output).__name__}: write a pydantic.BaseModel subclass or a JSON schema dict.")
    return dict(output)


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raise JobError where structured outputs, or the answer table, cannot hold *schema*."""
    root = resolve(schema, schema)
    properties = root.get("properties")
    if root.get("type") != "object" or not properties:
        raise JobError("output must be an object with properties at its root: each becomes a column of the answers.")
    for name in properties:
        if name in RESERVED_NAMES or name.startswith(RESERVED_PREFIX):
            raise JobError(f"output has a field {name!r}: that name is taken by the answer table. Choose another.")
    optional = unions = 0
    for path, node in walk(schema, schema):
        _check_node(path, node)
        optional += len(set(node.get("properties", {})) - set(node.get("required", ())))
        unions += "anyOf" in node or "oneOf" in node or isinstance(node.get("type"), list)
    if optional > MAX_OPTIONAL or unions > MAX_UNIONS:
        raise JobError(
            f"output has {optional} optional fields and {unions} unions; the API takes at most {MAX_OPTIONAL} and "
            f"{MAX_UNIONS}. Make fields required, or split the job."
        )


def _check_node(path: str, node: Mapping[str, Any]) -> None:
    extra = node.get("additionalProperties", False)
    if node.get("type") == "object" and (extra is not False or not node.get("properties")):
        raise JobError(
            f"output field {path} is an object with free keys, which structured outputs do not support. "
            "Name its fields, or use a list of {key, value} objects."
        )


def resolve(node: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """*node*, or what its local `$ref` points to in *root*."""
    ref = node.get("$ref")
    if ref is None:
        return node
    if not ref.startswith("#/"):
        raise JobError(f"output refers to {ref}: only references inside the schema (#/$defs/...) are supported.")
    target: Any = root
    for key in ref[2:].split("/"):
        if key not in target:
            raise JobError(f"output refers to {ref}, which the schema does not define.")
        target = target[key]
    return resolve(target, root)


def walk(
    node: Mapping[str, Any], root: Mapping[str, Any], path: str = "(root)", above: tuple[int, ...] = ()
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every schema node below *node* with its path. Raises JobError at a recursion."""
    node = resolve(node, root)
    if id(node) in above:
        raise JobError(f"output field {path} contains itself; structured outputs do not support recursive schemas.")
    yield path, node
    for name, child in _children(node):
        yield from walk(child, root, f"{path}.{name}".removeprefix("(root)."), (*above, id(node)))


def _children(node: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from node.get("properties", {}).items()
    if isinstance(node.get("items"), Mapping):
        yield "[]", node["items"]
    for keyword in ("anyOf", "oneOf", "allOf"):
        for i, child in enumerate(node.get(keyword, ())):
            yield f"{keyword}[{i}]", child
