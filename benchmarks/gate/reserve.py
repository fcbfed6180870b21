"""The reserve: texts that no rule is written from and no model is trained on. Only `make scan-eval ARGS=--reserve` opens it.

What is in it depends on names alone, so that nothing has to be read to divide a collection: whole families, and of each
other family a share of its groups (threads, clusters of near-duplicates). Do not read its texts. Look at its rates.
"""

from __future__ import annotations

import hashlib

#: One of as many families, and of the others one of as many groups, is in the reserve.
ONE_OF = 4


def is_reserved(family: str, group: str) -> bool:
    """Whether texts of *group* of *family* are in the reserve."""
    return _drawn(family) or _drawn(f"{family}/{group}")


def _drawn(name: str) -> bool:
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % ONE_OF == 0
