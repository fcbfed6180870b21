"""The card of the gate by language and by form, on texts of grammars that nothing was written from (`apart`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.scan.gate import open_gate
from airflow_provider_claude.core.scan.normalise import normalise
from airflow_provider_claude.core.scan.policy import ScanPolicy
from benchmarks.gate import apart
from benchmarks.gate.apart import Apart
from benchmarks.gate.rates import Mask, share, table

#: Texts of each form and language.
EACH = 100


#: Those of the shipped DAG's job.
LABELS = ("positive", "neutral", "negative")


def outcomes(texts: Sequence[str]) -> dict[str, Mask]:
    """Which of *texts*, as they came, the shipped gate sets aside; and which it at least has answered alone."""
    verdicts = open_gate(ScanPolicy(), (), labels=LABELS).judge({"text": normalise(pa.array(texts, pa.string()))})
    aside, alone = np.zeros(len(texts), bool), np.zeros(len(texts), bool)
    aside[list(verdicts.set_aside)] = True
    alone[[*verdicts.set_aside, *verdicts.suspects]] = True
    return {"aside": aside, "aside or alone": alone}


def tables() -> dict[str, str]:
    """Markdown by the mark it stands between in the docs."""
    some = [*apart.steering(EACH), *apart.honest(EACH)]
    found = outcomes([one.text for one in some])
    forms = _lines(some, lambda one: f"honest: {one.form}" if not one.attack else "**steering**")
    return {"languages": _languages(some, found), "forms": table(forms, found)}


def _lines(some: Sequence[Apart], name: Callable[[Apart], str]) -> dict[str, Mask]:
    names = np.array([name(one) for one in some])
    return {str(one): names == one for one in dict.fromkeys(names.tolist())}


def _languages(some: Sequence[Apart], found: dict[str, Mask]) -> str:
    attack = np.array([one.attack for one in some])
    head = ["language", *(f"steering: {name}" for name in found), *(f"honest: {name}" for name in found)]
    rows = [head, ["---", *["---:"] * (len(head) - 1)]]
    for lang, mask in _lines(some, lambda one: apart.LANGUAGES[one.lang]).items():
        parts = [mask & attack, mask & ~attack]
        rows.append(
            [lang, *(share(int((of & part).sum()), int(part.sum())) for part in parts for of in found.values())]
        )
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
