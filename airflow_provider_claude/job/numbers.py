"""Numbers from a DAG, a form or a settings file: checked where they are read.

A value that is not a number (or is `nan`), or is out of range, is refused with the parameter's name, the value and the range.
A bool is not a number. A text is one only where a template may have rendered it: in digits, without an exponent.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from airflow_provider_claude.errors import JobError

#: The most that a budget can be, in USD.
MOST_USD = Decimal(1_000_000_000)

_WHOLE = re.compile(r"[0-9]{1,12}")
_AMOUNT = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")


def number(name: str, value: object, low: float, high: float) -> float:
    """*value*, a number from *low* to *high*. Raises JobError for all else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise JobError(f"{name} is {_shown(value)}: write a number from {low:,g} to {high:,g}.")
    return float(value)


def whole_number(name: str, value: object, low: int, high: int) -> int:
    """*value*, a whole number from *low* to *high*, or its digits. Raises JobError for all else."""
    found: Any = value
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        found = int(value)
    if isinstance(found, bool) or not isinstance(found, int) or not low <= found <= high:
        raise JobError(f"{name} is {_shown(value)}: write a whole number from {low:,} to {high:,}.")
    return found


def usd_amount(name: str, value: object) -> Decimal:
    """*value*, an amount in USD from 0 to MOST_USD: a number, or its digits. Raises JobError for all else."""
    found: Decimal | None = None
    if isinstance(value, str) and _AMOUNT.fullmatch(value.strip()):
        found = Decimal(value.strip())
    elif isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        bounded = (not isinstance(value, Decimal) or value.is_finite()) and 0 <= value <= MOST_USD
        found = Decimal(str(value)) if bounded else None
    if found is None or found > MOST_USD:
        raise JobError(
            f"{name} is {_shown(value)}: write an amount in USD from 0 to {MOST_USD:,} in digits, such as '2.50'."
        )
    return found


def _shown(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**30:
        return "a number of more than 30 digits"
    said = repr(value)
    return said if len(said) <= 80 else f"{said[:79]}…"
