"""`screen="flip"`: the job's own question about a row in doubt, once as it is and once without the doubtful sentences.

The harm of an attack on a job that labels is a wrong label. Where the label moves with the sentences, they steer it, whatever
the language they are in and however politely they ask.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from airflow_provider_claude.core.scan.policy import ScanPolicy
from airflow_provider_claude.core.scan.verdicts import Verdict

#: From this score of the classifier on a row is in doubt where it is asked twice.
FLIP_SCORE = 0.25

#: What a row that moves is set aside for.
STEERED = "label_moves"

#: How the two texts of a doubt are named: its key and one of these.
AS_IT_IS, WITHOUT = ".0", ".1"


def policy_before_flip(policy: ScanPolicy) -> ScanPolicy:
    """*policy* where doubtful rows are asked twice: doubt begins earlier, and a doubt that is confirmed is asked about, too."""
    return replace(
        policy,
        flag_score=min(policy.flag_score, FLIP_SCORE),
        rules={"confirmed_doubt": "flag", "names_label": "flag", **policy.rules},
    )


def moved(answers: Mapping[str, tuple[Any, Any]]) -> Verdict | None:
    """The verdict on a row one of whose labels moves; None where all stay. *answers*: by field what is answered about the text as
    it is, and without its doubtful sentences.
    """
    changed = {name: pair for name, pair in answers.items() if pair[0] != pair[1]}
    if not changed:
        return None
    says = ", ".join(
        f"{name} is {json.dumps(one)} and without them {json.dumps(two)}" for name, (one, two) in changed.items()
    )
    return Verdict(STEERED, f"doubtful sentences move the label: {says}.", "screen", 0.95)


#: What is said of a row with a confirmed doubt that could not be asked about twice.
NOT_COMPARED = Verdict(
    "confirmed_doubt",
    "a rule and the classifier doubt the text, and there are no two answers about it to compare.",
    "classifier",
    0.9,
)
