"""What the deployment has: pools and triggerers, by Airflow's own database and configuration."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import conf

ROOT = "/opt/airflow/claude"


def root() -> str:
    """`[claude] root`, where the shipped DAGs keep their data."""
    return str(conf.get("claude", "root", fallback=ROOT)).rstrip("/")


def sync_pool() -> str:
    """The pool in which the shipped DAGs ask the Messages API."""
    return str(conf.get("claude", "sync_pool", fallback="default_pool"))


def triggerer_capacity() -> int:
    """How many waits one triggerer has at a time."""
    return int(conf.getint("triggerer", "capacity", fallback=1000))


def pool_slots(name: str) -> int | None:
    """The slots of the pool *name*, None where there is no such pool. Raises SQLAlchemy's errors, and ImportError where
    Airflow's database is not for this process.
    """
    from airflow.models.pool import Pool

    pool = Pool.get_pool(name)
    return None if pool is None else int(pool.slots)


def live_triggerers() -> int:
    """How many triggerers have given a sign of life of late. Raises as `pool_slots`."""
    from airflow.jobs.job import Job
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        jobs = session.scalars(select(Job).where(Job.job_type == "TriggererJob", Job.state == "running")).all()
        return sum(job.is_alive() for job in jobs)
