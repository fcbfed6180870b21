"""The secret of a deployment: 32 random bytes in its work folder, from which each job's canary and nonces are derived.

It is made once, and never changed: other nonces make other requests, whose answers are paid for again. It cannot be recovered
from what plan.json keeps of it.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from airflow_provider_claude.errors import StateError
from airflow_provider_claude.store.files import exists, write_new

if TYPE_CHECKING:
    from upath import UPath

NAME = "secret"

_BYTES = 32
_FORM = re.compile(rb"[0-9a-f]{64}\n")


def deployment_secret(work: UPath) -> bytes:
    """The secret in the work folder *work*, made if there is none. Of several makers at once, all get that of the first.

    Raises StateError where the file is damaged.
    """
    path = work / NAME
    if not exists(path):
        write_new(path, secrets.token_hex(_BYTES).encode() + b"\n")
    held = path.read_bytes()
    if not _FORM.fullmatch(held):
        raise StateError(
            f"{path} is damaged: it has to hold the work folder's secret, from which requests are made. Put back a copy of it; "
            "or remove it: then a new one is made, and rows are asked and paid for again. Nothing was sent."
        )
    return bytes.fromhex(held.decode())
