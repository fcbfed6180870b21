from __future__ import annotations

import gc
import os
import subprocess
import sys

import pyarrow as pa
import pytest

from airflow_provider_claude.core.memory import many_rows


def backend(module: str = "stages.load.run", **environment: str) -> str:
    """The allocator of Arrow in a process that imports *module* of the package."""
    code = f"import airflow_provider_claude.{module}, pyarrow\nprint(pyarrow.default_memory_pool().backend_name)"
    plain = {name: value for name, value in os.environ.items() if name != "ARROW_DEFAULT_MEMORY_POOL"}
    done = subprocess.run([sys.executable, "-c", code], env={**plain, **environment}, capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.mark.parametrize("module", ["stages.load.run", "sources.source"])
def test_a_process_that_runs_a_stage_or_reads_a_source_has_arrow_use_the_systems_allocator(module: str) -> None:
    assert backend(module) == "system"


def test_the_allocator_that_the_environment_names_is_kept() -> None:
    assert backend(ARROW_DEFAULT_MEMORY_POOL="mimalloc") == "mimalloc"


def test_arrow_and_the_collector_are_after_a_block_as_they_were_before() -> None:
    before = pa.default_memory_pool().backend_name, gc.get_threshold()
    with many_rows(), many_rows():
        assert pa.default_memory_pool().backend_name == "system"
        assert gc.get_threshold()[1] == before[1][1]
        assert gc.get_threshold()[0] > before[1][0]
        assert gc.get_threshold()[2] > before[1][2]
    assert (pa.default_memory_pool().backend_name, gc.get_threshold()) == before


def test_blocks_that_end_in_another_order_than_they_began_leave_everything_as_it_was() -> None:
    before = pa.default_memory_pool().backend_name, gc.get_threshold()
    for _ in range(8):
        first, second = many_rows(), many_rows()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert pa.default_memory_pool().backend_name == "system"
        second.__exit__(None, None, None)
    assert (pa.default_memory_pool().backend_name, gc.get_threshold()) == before
