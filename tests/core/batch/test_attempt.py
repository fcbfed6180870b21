from __future__ import annotations

import pytest

from airflow_provider_claude.core.batch.attempt import Attempt, Decision, Hold, Reattach, Submit, decide

SENT = Attempt(number=1, fingerprint="a", submitted=True, batch_id="msgbatch_1")
MEANT = Attempt(number=1, fingerprint="a", submitted=False)
OTHER = Attempt(number=1, fingerprint="b", submitted=True, batch_id="msgbatch_2")
LATER = Attempt(number=2, fingerprint="a", submitted=True, batch_id="msgbatch_3")


@pytest.mark.parametrize(
    ("history", "decision"),
    [
        ([], Submit(1)),  # a first time
        ([SENT], Reattach(SENT)),  # a retry, a clear, a backfill
        ([OTHER], Submit(2)),  # the content has changed
        ([OTHER, LATER], Reattach(LATER)),  # changed, and sent since
        ([MEANT], Hold(MEANT)),  # a crash around the paid call
        (
            [OTHER, Attempt(number=2, fingerprint="a", submitted=False)],
            Hold(Attempt(number=2, fingerprint="a", submitted=False)),
        ),
        ([SENT, Attempt(number=2, fingerprint="b", submitted=False)], Reattach(SENT)),  # changed, meant, changed back
    ],
)
def test_what_is_on_record_decides(history: list[Attempt], decision: Decision) -> None:
    assert decide(history, fingerprint="a") == decision
