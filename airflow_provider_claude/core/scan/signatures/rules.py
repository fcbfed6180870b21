"""Rule files: which there are, what their rules say of themselves, and their compiled form."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from airflow_provider_claude.core.scan.findings import Severity
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.shipped import shipped, shipped_names

#: What every rule has to say of itself, and how.
META: Mapping[str, str] = {
    "id": 'a word for the rows it finds, in small letters: id = "my_rule"',
    "severity": 'severity = "high", "medium" or "low"',
    "score": "how sure it is, above 0 and at most 1: score = 0.9",
    "catches": 'what completes "the text …": catches = "asks for the prompt"',
}

#: What a rule may say of itself beside that, and how.
MORE: Mapping[str, str] = {
    "confirm": "the classifier's score that confirms it, above 0 and at most 1: confirm = 0.2",
}

#: How the names of rule files end.
SUFFIXES = (".yar", ".yara")


class RuleFile(NamedTuple):
    """A file of rules by its name (for users' files the path) and its text."""

    name: str
    text: str


class RuleMeta(NamedTuple):
    """What a rule says of itself. *name* is its own; several rules may share one *id*. *confirm*: the classifier's score
    from which a text is set aside that the rule speaks about; None where that never happens.
    """

    id: str
    severity: Severity
    score: float
    catches: str
    name: str
    file: str = ""
    examples: Sequence[str] = ()
    neighbours: Sequence[str] = ()
    confirm: float | None = None


class Compiled(NamedTuple):
    """*program* for a scanner, its *rules* by namespace and name, and the *version*, a hash of their texts."""

    program: Any
    rules: Mapping[tuple[str, str], RuleMeta]
    version: str


def own_rules() -> tuple[RuleFile, ...]:
    """The files of the package, by name."""
    return tuple(RuleFile(name, shipped(__package__, name).decode()) for name in shipped_names(__package__, SUFFIXES))


def compile_rules(sources: Sequence[RuleFile]) -> Compiled:
    """The rules of *sources*, each file with names of its own. Raises JobError for rules that cannot be used."""
    import yara_x

    compiler = yara_x.Compiler(includes_enabled=False)
    digest = hashlib.sha256()
    for number, file in enumerate(sources):
        compiler.new_namespace(f"file_{number}")
        digest.update(f"{len(file.text.encode())}:{file.text}".encode())
        try:
            compiler.add_source(file.text, file.name)
        except yara_x.CompileError as e:
            raise JobError(
                f"The rules of {file.name} cannot be compiled. Fix the file, or remove it from its folder.\n{e}"
            ) from e
    program = compiler.build()
    by_namespace = {f"file_{number}": file for number, file in enumerate(sources)}
    rules = {(rule.namespace, rule.identifier): _meta(rule, by_namespace[rule.namespace]) for rule in program}
    return Compiled(program, rules, digest.hexdigest()[:12])


def _meta(rule: Any, file: RuleFile) -> RuleMeta:
    pairs = [(name, _text(value)) for name, value in rule.metadata]
    said = dict(pairs)
    wrong = [how for name, how in META.items() if not _is_good(name, said.get(name))]
    if wrong := wrong + [how for name, how in MORE.items() if name in said and not _is_good(name, said[name])]:
        where = f"{file.name}, line {_line(rule.identifier, file.text)}"
        raise JobError(f"{where}: the meta of rule {rule.identifier} needs " + "; ".join(wrong) + ".")
    return RuleMeta(
        id=said["id"],
        severity=said["severity"],
        score=float(said["score"]),
        catches=said["catches"].rstrip("."),
        name=rule.identifier,
        file=file.name,
        examples=[value for name, value in pairs if name == "example"],
        neighbours=[value for name, value in pairs if name == "neighbour"],
        confirm=said.get("confirm", 0.0 if said["severity"] == "medium" else None),
    )


def _text(value: Any) -> Any:
    """A string written with escapes comes as bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _is_good(name: str, value: Any) -> bool:
    match name:
        case "id":
            return isinstance(value, str) and re.fullmatch(r"[a-z][a-z0-9_]{0,63}", value) is not None
        case "severity":
            return value in {"high", "medium", "low"}
        case "score" | "confirm":
            return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1
        case _:
            return isinstance(value, str) and bool(value.strip())


def _line(name: str, text: str) -> int:
    found = re.search(rf"\brule\s+{name}\b", text)
    return text.count("\n", 0, found.start()) + 1 if found else 1
