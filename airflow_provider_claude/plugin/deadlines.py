"""A time of day as a reference for Airflow's deadline alerts.

The scheduler builds the reference from what the database has of it, under this module's and this class's name: neither
may be renamed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import pendulum

from airflow_provider_claude.core.deadline.due import next_wall_clock, wall_clock

try:
    from airflow.sdk.definitions.deadline import BaseDeadlineReference
except ImportError:  # before Airflow 3.2, which knows no references but its own
    BaseDeadlineReference = object  # type: ignore[assignment,misc]

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

SUPPORTED = BaseDeadlineReference is not object


@dataclass(frozen=True)
class LocalWallClockDeadline(BaseDeadlineReference):
    """*before* the next time that a clock in *zone* shows *at* (`HH:MM`) after a run's data interval has ended.

    For scheduled runs only, as the deadline of the pipeline is. A moment that has passed when the run is created does
    not count: catch-up runs raise no alert. Raises JobError or ValueError for an invalid *at* or *zone*, so that
    the DAG does not parse; in the scheduler it would be too late.
    """

    at: str = "09:00"
    zone: str = "UTC"
    before: timedelta = timedelta(0)

    required_kwargs: ClassVar[set[str]] = {"dag_id", "run_id"}

    def __post_init__(self) -> None:
        wall_clock(self.at, "at")
        self.due_after(pendulum.now("UTC"))

    def due_after(self, after: datetime) -> pendulum.DateTime:
        """The deadline, in local time, of a run whose data was complete at *after*."""
        return next_wall_clock(pendulum.instance(after), self.at, self.zone)

    def serialize_reference(self) -> dict[str, Any]:
        return {
            "reference_type": type(self).__name__,
            "at": self.at,
            "zone": self.zone,
            "before": self.before.total_seconds(),
        }

    @classmethod
    def deserialize_reference(cls, reference_data: dict[str, Any]) -> LocalWallClockDeadline:
        return cls(reference_data["at"], reference_data["zone"], timedelta(seconds=reference_data["before"]))

    def _evaluate_with(self, *, session: Session, dag_id: str, run_id: str, **_: Any) -> datetime | None:
        """When to raise the alert of this run; None for never. Airflow asks when it creates the run."""
        from airflow.models.dagrun import DagRun
        from airflow.utils.types import DagRunType
        from sqlalchemy import select

        run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
        if run is None or run.run_type != DagRunType.SCHEDULED:
            return None
        moment = self.due_after(run.data_interval_end or run.run_after).in_timezone("UTC") - self.before
        return moment if moment > pendulum.now("UTC") else None
