"""The third layer of the gate: what the classifier's scores mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.scan import classifier
from airflow_provider_claude.core.scan.findings import Finding

_RULE = "reads_like_injection"
_SAYS = "the text reads like one that speaks to a model"


@dataclass(frozen=True)
class Learned:
    """Findings of high severity from *quarantine_score* on, of medium severity from *flag_score* on."""

    quarantine_score: float
    flag_score: float

    @property
    def version(self) -> str:
        """What tells one model from another."""
        return classifier.load().version

    def find(self, texts: pa.Array) -> list[Finding]:
        scores = classifier.load().scores(texts)
        return [
            Finding(
                row,
                "classifier",
                _RULE,
                "high" if scores[row] >= self.quarantine_score else "medium",
                round(float(scores[row]), 4),
                f"{_SAYS}, by a score of {scores[row]:.2f}",
            )
            for row in np.flatnonzero(scores >= min(self.flag_score, self.quarantine_score)).tolist()
        ]
