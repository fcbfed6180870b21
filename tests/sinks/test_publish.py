"""Publishing answers: a partition is replaced as a whole, or not at all."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from upath import UPath

from airflow_provider_claude.errors import JobError, StateError
from airflow_provider_claude.sinks import parquet
from airflow_provider_claude.sinks.parquet import partition_folder, publish, read_answers

SCHEMA = pa.schema(
    [pa.field("item_id", pa.string(), nullable=False), ("n", pa.int32()), ("usd", pa.decimal128(18, 12))]
)


@pytest.fixture(params=["local", "memory"])
def root(request, tmp_path):
    """The same promises on a local disk and on an object store."""
    if request.param == "local":
        yield UPath(tmp_path)
        return
    path = UPath(f"memory://{tmp_path.name}")
    yield path
    if path.exists():
        path.fs.rm(path.path, recursive=True)


def parts(root: UPath, *numbers: int, schema: pa.Schema = SCHEMA, tag: str = "a") -> list[UPath]:
    paths = [root / "run" / tag / f"part-{number:05d}.parquet" for number in numbers]
    for number, path in zip(numbers, paths, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = {"item_id": [f"{tag}{number}"], "n": [number], "usd": [Decimal("0.5")]}
        with path.open("wb") as stream:
            pq.write_table(pa.table({f.name: pa.array(columns[f.name], f.type) for f in schema}, schema), stream)
    return paths


def tree(folder: UPath) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def ids(folder: UPath) -> list[str]:
    return sorted(read_answers(folder)["item_id"])


class TestPublish:
    def test_publishing_twice_is_publishing_once(self, root):
        run, target = parts(root, 0, 1), root / "out" / "day=1"
        publish(run, SCHEMA, target)
        once = tree(target)
        assert [p.name for p in publish(run, SCHEMA, target)] == sorted(once)
        assert tree(target) == once == {p.name: p.read_bytes() for p in run}

    def test_a_run_with_fewer_parts_leaves_no_stale_file(self, root):
        target = root / "out" / "day=1"
        publish(parts(root, 0, 1, 2), SCHEMA, target)
        publish(parts(root, 1, tag="b"), SCHEMA, target)
        assert ids(target) == ["b1"]
        assert list(tree(target)) == ["part-00001.parquet"]

    def test_other_partitions_stay_as_they_are(self, root):
        publish(parts(root, 0), SCHEMA, root / "out" / "day=1")
        publish(parts(root, 0, tag="b"), SCHEMA, root / "out" / "day=2")
        assert read_answers(root / "out").groupby("day")["item_id"].first().to_dict() == {1: "a0", 2: "b0"}

    def test_an_empty_night_is_one_file_without_rows(self, root):
        target = root / "out" / "day=1"
        publish(parts(root, 0, 1), SCHEMA, target)
        publish([], SCHEMA, target)
        assert list(tree(target)) == ["part-00000.parquet"]
        assert len(read_answers(target)) == 0
        assert list(read_answers(target).columns) == SCHEMA.names

    def test_an_output_without_partitions_keeps_what_is_not_a_part(self, root):
        target = root / "out"
        publish(parts(root, 0, 1), SCHEMA, target, partitioned=False)
        (target / "README").write_text("mine")
        publish(parts(root, 1, tag="b"), SCHEMA, target, partitioned=False)
        assert sorted(tree(target)) == ["README", "part-00001.parquet"]

    def test_a_part_of_another_job_is_refused_before_anything_is_touched(self, root):
        target = root / "out" / "day=1"
        publish(parts(root, 0), SCHEMA, target)
        before = tree(target)
        other = parts(root, 1, schema=pa.schema([SCHEMA.field(0), ("n", pa.int64())]), tag="b")
        with pytest.raises(StateError, match=r"part-00001\.parquet has other columns .*n int32, n int64"):
            publish([*parts(root, 0), *other], SCHEMA, target)
        assert tree(target) == before


class TestSwap:
    def test_a_reader_sees_whole_partitions_only(self, tmp_path, monkeypatch):
        """Before each rename the dataset is read: it is the old one, none (between the two), or the new one."""
        out, seen = UPath(tmp_path / "out"), []
        publish(parts(UPath(tmp_path), 0, 1), SCHEMA, out / "day=1")
        rename = parquet.Path.rename

        def watched(self, target):
            if self.is_dir():
                seen.append(ds.dataset(out.path, format="parquet", partitioning="hive").count_rows())
            return rename(self, target)

        monkeypatch.setattr(parquet.Path, "rename", watched)
        publish(parts(UPath(tmp_path), 0, 1, 2, tag="b"), SCHEMA, out / "day=1")
        assert seen == [2, 0]
        assert ids(out) == ["b0", "b1", "b2"]
        assert [p.name for p in out.iterdir()] == ["day=1"]

    @pytest.mark.parametrize("crash_at", [1, 2, 3])
    def test_a_crash_at_any_step_is_undone_by_the_next_publish(self, tmp_path, crash_at):
        """A process dies before the first rename, between the two, or before the old partition is removed."""
        out = UPath(tmp_path / "out")
        publish(parts(UPath(tmp_path), 0), SCHEMA, out / "day=1")
        parts(UPath(tmp_path), 1, tag="b")
        script = f"""
import os
from pathlib import Path
from upath import UPath
import pyarrow.parquet as pq
from airflow_provider_claude.sinks import parquet
steps = iter(range(1, 9))
root = UPath({str(tmp_path)!r})
part = root / 'run' / 'b' / 'part-00001.parquet'
rename, remove = Path.rename, parquet.remove
class Dying(type(Path())):
    def rename(self, target):
        if next(steps) == {crash_at}:
            os._exit(7)
        return rename(Path(self), target)
parquet.Path = Dying
def removing(path):
    if path.name.endswith('.old') and next(steps) == {crash_at}:
        os._exit(7)
    remove(path)
parquet.remove = removing
parquet.publish([part], pq.read_schema(part.path), root / 'out' / 'day=1')
"""
        died = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
        assert died.returncode == 7
        publish(parts(UPath(tmp_path), 2, tag="c"), SCHEMA, out / "day=1")
        assert ids(out) == ["c2"]
        assert [p.name for p in out.iterdir()] == ["day=1"]

    def test_a_partition_lost_between_the_renames_is_restored_even_if_the_next_publish_is_refused(self, tmp_path):
        out = UPath(tmp_path / "out")
        publish(parts(UPath(tmp_path), 0), SCHEMA, out / "day=1")
        (out / "day=1").rename(out / ".day=1.old")
        (out / ".day=1.old" / "notes.txt").write_text("mine")
        with pytest.raises(StateError, match="not an answer part"):
            publish(parts(UPath(tmp_path), 1, tag="b"), SCHEMA, out / "day=1")
        assert sorted(tree(out / "day=1")) == ["notes.txt", "part-00000.parquet"]

    def test_a_folder_with_someone_elses_file_is_not_replaced(self, tmp_path):
        target = UPath(tmp_path / "out" / "day=1")
        target.mkdir(parents=True)
        (target / "theirs.parquet").write_bytes(b"x")
        with pytest.raises(StateError, match=r"holds 'theirs\.parquet'"):
            publish(parts(UPath(tmp_path), 0), SCHEMA, target)
        assert tree(target) == {"theirs.parquet": b"x"}

    def test_markers_of_other_tools_do_not_stand_in_the_way(self, tmp_path):
        target = UPath(tmp_path / "out" / "day=1")
        target.mkdir(parents=True)
        (target / "_SUCCESS").write_text("")
        publish(parts(UPath(tmp_path), 0), SCHEMA, target)
        assert list(tree(target)) == ["part-00000.parquet"]


class TestPartitionFolder:
    @pytest.mark.parametrize("value", ["2026-11-22", "2026-11-22T09:00:00+01:00", "Zürich", "a b_c.d"])
    def test_plain_values_name_a_folder(self, value):
        assert partition_folder(UPath("/out"), "day", value) == UPath(f"/out/day={value}")

    @pytest.mark.parametrize(
        "value",
        ["", ".", "..", "a/b", "/etc", "a\\b", "a..b", "../x", "%2e%2e", "a=b", "a\x00b", "a\nb", "a\n", "~", " a"],
    )
    def test_values_that_could_lead_elsewhere_are_refused(self, value):
        with pytest.raises(JobError, match="cannot name a folder"):
            partition_folder(UPath("/out"), "day", value)

    @pytest.mark.parametrize("column", ["", "a/b", "a=b", "..", "a b", "dáy"])
    def test_columns_are_plain_names(self, column):
        with pytest.raises(JobError, match="partition column"):
            partition_folder(UPath("/out"), column, "2026-11-22")


class TestReadAnswers:
    def test_types_stay_what_they_were(self, root):
        publish(parts(root, 0, 1), SCHEMA, root / "out" / "day=2026-11-22")
        frame = read_answers(root / "out")
        assert isinstance(frame, pd.DataFrame)
        assert frame["usd"].sum() == Decimal(1)
        assert frame.dtypes["n"] == pd.ArrowDtype(pa.int32())
        assert set(frame["day"]) == {"2026-11-22"}

    def test_only_the_columns_that_are_asked_for_are_read(self, root):
        [part] = parts(root, 0)
        assert list(read_answers(part, ["n"]).columns) == ["n"]
