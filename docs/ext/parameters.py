"""The parameters of a callable, from its signature and its docstring: `:param name: what it does.`"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from dataclasses import MISSING
from typing import Any, NamedTuple

from docs.ext.markdown import code, from_docstring, sentence, table

_FIELD = re.compile(r"^:param (\w+):\s*(.*?)(?=^:\w|\Z)", re.MULTILINE | re.DOTALL)
_CLASS = re.compile(r"(?<![\w`.~])(Claude\w+(?:Operator|Sensor|Trigger)|claude_batch_job)(?![\w`])")


class Parameter(NamedTuple):
    """A row of the table; *default* is `required`, or Python."""

    name: str
    default: str
    text: str


def find(path: str) -> Callable[..., Any]:
    """The callable at the dotted *path*."""
    module, _, name = path.rpartition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def described(callable_: Callable[..., Any]) -> dict[str, str]:
    """The texts of the parameters by name, as its docstring has them; a class has those of its bases, too.

    A group of settings of `claude_batch_job` has those of its `operators`.
    """
    bases = reversed(callable_.__mro__) if inspect.isclass(callable_) else [callable_]
    classes = [*getattr(callable_, "operators", ()), *bases]  # of a group of settings: those whose parameters it sets
    docs = (inspect.cleandoc(one.__doc__ or "") for one in classes if _is_ours(one))
    return {name: text for doc in docs for name, text in _FIELD.findall(doc)}


def parameters(callable_: Callable[..., Any]) -> list[Parameter]:
    """All parameters that can be written by name. Raises KeyError for one that the docstring does not describe."""
    texts = described(callable_)
    return [
        Parameter(name, _default(callable_, one), sentence(texts[name]))
        for name, one in inspect.signature(callable_).parameters.items()
        if name != "self" and one.kind not in {one.VAR_KEYWORD, one.VAR_POSITIONAL}
    ]


def summary(callable_: Callable[..., Any]) -> str:
    """What stands in the docstring above the parameters."""
    return inspect.cleandoc(callable_.__doc__ or "").partition(":param ")[0].strip()


def as_markdown(callable_: Callable[..., Any]) -> str:
    """The summary and the table of the parameters; names of other operators are links."""

    def linked(text: str) -> str:
        return _CLASS.sub(lambda found: _link(found[1], callable_.__name__), from_docstring(text))

    rows = [[code(one.name), _shown(one.default), linked(one.text)] for one in parameters(callable_)]
    return f"{linked(summary(callable_))}\n\n{table(['parameter', 'default', ''], rows)}"


def _link(name: str, here: str) -> str:
    if name == here:
        return code(name)
    return f"[`{name}`](/reference/{'task-group.md' if name == 'claude_batch_job' else f'operators.md#{name.lower()}'})"


def _default(callable_: Callable[..., Any], parameter: inspect.Parameter) -> str:
    if parameter.default is parameter.empty:
        return "required"
    factory = getattr(callable_, "__dataclass_fields__", {}).get(parameter.name)
    made = factory is not None and factory.default_factory is not MISSING
    return repr(factory.default_factory() if made else parameter.default).replace("'", '"')


def _shown(default: str) -> str:
    return default if default == "required" else code(default)


def _is_ours(one: Any) -> bool:
    return str(one.__module__).startswith("airflow_provider_claude")
