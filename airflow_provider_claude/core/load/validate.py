"""Is this text an answer? The API's structured outputs promise much, but not bounds, lengths or letter case."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

import msgspec
from pydantic import BaseModel, ValidationError

from airflow_provider_claude.core.load.answer_forms import Form, form_of, spelled
from airflow_provider_claude.core.load.exact_values import has_decimals, quoted
from airflow_provider_claude.core.load.repeated_names import has_members, members_of, name_twice
from airflow_provider_claude.core.load.validate_plain import PlainValidator
from airflow_provider_claude.core.load.validated_values import row_of
from airflow_provider_claude.job import ClaudeJob


class InvalidAnswerError(Exception):
    """The text is not an answer to the schema. Stays inside core: it becomes an outcome, never a failure."""


class Validator(Protocol):
    """Turns an answer's text into its plain JSON values."""

    def __call__(self, text: str) -> dict[str, Any]:
        """Raise InvalidAnswerError where *text* is not a valid answer."""


def validator_for(job: ClaudeJob) -> Validator:
    """Full validation on our side: by the Pydantic model where there is one, else by the JSON schema as written.

    An object that has a name twice is not an answer: readers differ in which value they use. (RFC 8259, section 4)
    """
    form = form_of(job.schema)
    return _Once(_validator(job), members_of(form), _plain_validator(job, form))


def validator_of(schema: Mapping[str, Any]) -> Validator:
    """The same by the JSON *schema* alone, of an output whose Pydantic model is not here."""
    return _Once(_schema_validator(schema), members_of(form_of(schema)), None)


def _plain_validator(job: ClaudeJob, form: Form) -> PlainValidator | None:
    return (
        PlainValidator.of(job.output, form) if isinstance(job.output, type) and not has_decimals(job.schema) else None
    )


class _Once:
    """Validates by *plain* where that is enough, else by *validate*, and that no name is there twice. Where an answer always has
    *members* members, and no more are in it, it need not be looked at again.
    """

    def __init__(self, validate: Validator, members: int | None, plain: PlainValidator | None) -> None:
        self._validate, self._members, self._plain = validate, members, plain

    def __call__(self, text: str) -> dict[str, Any]:
        answer = self._plain(text) if self._plain else None
        if answer is None:
            answer = self._validate(text)
        if not has_members(text, self._members) and (name := name_twice(text)) is not None:
            raise InvalidAnswerError(f"it has the name {name[:80]!r} twice")
        return answer


def _validator(job: ClaudeJob) -> Validator:
    if isinstance(job.output, type):
        model = PydanticValidator(job.output, job.schema)
        return (lambda text: model(quoted(text, job.schema))) if has_decimals(job.schema) else model
    return _schema_validator(job.schema)


def _schema_validator(schema: Mapping[str, Any]) -> Validator:
    validate = SchemaValidator(schema)
    return partial(_exactly, validate, schema) if has_decimals(schema) else validate


def _exactly(validate: Validator, schema: Mapping[str, Any], text: str) -> dict[str, Any]:
    """The values of *text* with all digits of its decimals. The bounds of a number are not those of a text."""
    answer = validate(text)
    exact = quoted(text, schema)
    return answer if exact == text else validate(exact)


class PydanticValidator:
    """Validates by a model, strictly: `"0.9"` is not a number. `core.load.validated_values` says what it gives."""

    def __init__(self, model: type[BaseModel], schema: Mapping[str, Any]) -> None:
        self._validate = model.__pydantic_validator__.validate_json
        self._form = form_of(schema)

    def __call__(self, text: str) -> dict[str, Any]:
        try:
            answer = self._validate(text, strict=True)
        except ValidationError:
            text, answer = self._second_look(text)
        except MemoryError:
            raise
        except Exception as error:
            raise InvalidAnswerError(f"the model's validation raised {type(error).__name__}") from error
        return row_of(answer, self._form, lambda: _object(_parse(text)))

    def _second_look(self, text: str) -> tuple[str, Any]:
        """The text in the schema's spelling, and what the model makes of it."""
        try:
            fixed = msgspec.json.encode(spelled(_parse(text), self._form)).decode()
            return fixed, self._validate(fixed, strict=True)
        except InvalidAnswerError:
            raise
        except ValidationError as error:
            raise InvalidAnswerError(_first_error(error)) from error
        except MemoryError:
            raise
        except Exception as error:
            raise InvalidAnswerError(f"the model's validation raised {type(error).__name__}") from error


class SchemaValidator:
    """Validates by a JSON schema."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        import jsonschema_rs

        self._form = form_of(schema)
        self._validate = jsonschema_rs.validator_for(dict(schema), validate_formats=True).validate
        self._error: Any = jsonschema_rs.ValidationError

    def __call__(self, text: str) -> dict[str, Any]:
        value = _parse(text)
        try:
            self._validate(value)
        except self._error:
            value = self._second_look(value)
        return _object(value)

    def _second_look(self, value: Any) -> Any:
        fixed = spelled(value, self._form)
        try:
            self._validate(fixed)
        except self._error as error:
            where = ".".join(map(str, error.instance_path)) or "(root)"
            raise InvalidAnswerError(f"{where}: {error.message}"[:300]) from error
        return fixed


def _parse(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as error:
        raise InvalidAnswerError(f"not JSON: {error}") from error


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidAnswerError("not a JSON object")
    return value


def _first_error(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"])) or "(root)"
    return f"{where}: {first['msg']}"[:300]
