from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_claude.core.submit.attempt import Attempt
from airflow_provider_claude.core.view.shards import ShardView, Stage, by_stage, stage_of

INTENT = Attempt(number=1, shard_fingerprint="f", round=1, requests=5, at=0.0, until=60.0)
SENT = replace(INTENT, submitted=True, batch_id="msgbatch_1")
COLLECTED = replace(SENT, collected=True)
SECOND = replace(INTENT, number=2, round=2)


@pytest.mark.parametrize(
    ("attempts", "said", "stage"),
    [
        ([], {}, Stage.NOT_SENT),
        ([INTENT], {}, Stage.SENDING),
        ([replace(INTENT, voided=True)], {}, Stage.NOT_SENT),
        ([SENT], {}, Stage.IN_BATCH),
        ([SENT], {"ended": True}, Stage.ENDED),
        ([COLLECTED], {"ended": True}, Stage.ENDED),
        ([replace(INTENT, lane="sync")], {}, Stage.IN_SYNC),
        ([COLLECTED], {"ended": True, "loaded_round": 1}, Stage.LOADED),
        ([COLLECTED, SECOND], {"ended": True, "loaded_round": 1}, Stage.AGAIN),
        ([COLLECTED, SECOND], {"ended": True, "loaded_round": 1, "done": True}, Stage.DONE),
    ],
)
def test_the_stage_of_a_shard_is_how_far_its_latest_attempt_has_come(
    attempts: list[Attempt], said: dict[str, object], stage: Stage
) -> None:
    known = {"loaded_round": None, "done": False, "ended": False} | said
    assert stage_of(attempts, **known) is stage  # type: ignore[arg-type]


def test_shards_are_counted_by_stage_those_that_are_furthest_first() -> None:
    stages = [Stage.NOT_SENT, Stage.DONE, Stage.IN_BATCH, Stage.DONE]
    shards = [ShardView(number=n, rows=1, lane="batch", stage=stage) for n, stage in enumerate(stages)]
    assert list(by_stage(shards).items()) == [(Stage.DONE, 2), (Stage.IN_BATCH, 1), (Stage.NOT_SENT, 1)]
