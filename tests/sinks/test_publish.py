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

from airflow_provider_claude.core.publish.destination import Holder
from airflow_provider_claude.core.publish.partition_names import partition_name
from airflow_provider_claude.errors import JobError, StateError
from airflow_provider_claude.sinks import replacing
from airflow_provider_claude.sinks.parquet import publish as put
from airflow_provider_claude.sinks.parquet import read_answers
from airflow_provider_claude.sinks.partition import MANIFEST, ManifestRecord, Partition
from airflow_provider_claude.sinks.replacing import KEPT_VERSIONS, recover
from airflow_provider_claude.sinks.versions import partitions_of, restore, versions

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


def label(tag: str = "a", at: str = "2026-11-23T00:00:00+00:00") -> ManifestRecord:
    """The manifest of a plan that *tag* tells from others."""
    return ManifestRecord(
        holder=Holder(), model="m", prompt_hash="p", schema_hash="s", source="mail", run="run", planned_at=tag,
        column="day", partition="1", published_at=at,
    )  # fmt: skip


def place(target: UPath, *, partitioned: bool = True) -> Partition:
    column, _, value = target.name.partition("=")
    return Partition.at(target.parent, column, value) if partitioned else Partition.at(target, "day", None)


def publish(run, schema, target, *, partitioned=True, tag="a", at="2026-11-23T00:00:00+00:00") -> ManifestRecord:
    partition = place(target, partitioned=partitioned)
    recover(partition)
    return put(run, schema, partition, label(tag, at), partition.look())


def tree(folder: UPath) -> dict[str, bytes]:
    """The files that readers see."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if not p.name.startswith("_")}


def shown(output: UPath) -> list[str]:
    return [p.name for p in output.iterdir() if not p.name.startswith("_")]


def ids(folder: UPath) -> list[str]:
    return sorted(read_answers(folder)["item_id"])


class TestPublish:
    def test_publishing_twice_is_publishing_once(self, root):
        run, target = parts(root, 0, 1), root / "out" / "day=1"
        publish(run, SCHEMA, target)
        once = tree(target)
        assert sorted(file.name for file in publish(run, SCHEMA, target).files) == sorted(once)
        assert tree(target) == once == {p.name: p.read_bytes() for p in run}

    def test_a_run_with_fewer_parts_leaves_no_stale_file(self, root):
        target = root / "out" / "day=1"
        publish(parts(root, 0, 1, 2), SCHEMA, target)
        publish(parts(root, 1, tag="b"), SCHEMA, target, tag="b")
        assert ids(target) == ["b1"]
        assert list(tree(target)) == ["part-00001.parquet"]

    def test_other_partitions_stay_as_they_are(self, root):
        publish(parts(root, 0), SCHEMA, root / "out" / "day=1")
        publish(parts(root, 0, tag="b"), SCHEMA, root / "out" / "day=2")
        assert read_answers(root / "out").groupby("day")["item_id"].first().to_dict() == {"1": "a0", "2": "b0"}

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
        rename = replacing.Path.rename

        def watched(self, target):
            if self.is_dir() and "versions" not in str(target):
                seen.append(ds.dataset(out.path, format="parquet", partitioning="hive").count_rows())
            return rename(self, target)

        monkeypatch.setattr(replacing.Path, "rename", watched)
        publish(parts(UPath(tmp_path), 0, 1, 2, tag="b"), SCHEMA, out / "day=1")
        assert seen == [2, 0]
        assert ids(out) == ["b0", "b1", "b2"]
        assert shown(out) == ["day=1"]

    @pytest.mark.parametrize("crash_at", [1, 2, 3, 4])
    def test_a_crash_at_any_step_is_undone_by_the_next_publish_and_loses_no_version(self, tmp_path, crash_at):
        """A process dies before the old partition is moved away, before the new one is moved in, or while the old one is kept."""
        out = UPath(tmp_path / "out")
        publish(parts(UPath(tmp_path), 0), SCHEMA, out / "day=1")
        parts(UPath(tmp_path), 1, tag="b")
        script = f"""
import os
from pathlib import Path
from upath import UPath
import tests.sinks.test_publish as t
steps = iter(range(1, 9))
root = UPath({str(tmp_path)!r})
rename = Path.rename
def dying(self, target):
    if next(steps) == {crash_at}:
        os._exit(7)
    return rename(self, target)
Path.rename = dying
part = root / 'run' / 'b' / 'part-00001.parquet'
t.publish([part], t.SCHEMA, root / 'out' / 'day=1', tag='b')
"""
        died = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
        assert died.returncode == 7
        publish(parts(UPath(tmp_path), 2, tag="c"), SCHEMA, out / "day=1", tag="c")
        assert ids(out) == ["c2"]
        assert shown(out) == ["day=1"]
        kept = [manifest.planned_at for _, manifest in versions(place(out / "day=1"))]
        assert kept == (["a"] if crash_at < 3 else ["b", "a"])

    def test_a_partition_lost_between_the_renames_is_restored_even_if_the_next_publish_is_refused(self, tmp_path):
        out = UPath(tmp_path / "out")
        publish(parts(UPath(tmp_path), 0), SCHEMA, out / "day=1")
        (out / "day=1").rename(out / "_claude" / "day=1" / "old")
        (out / "_claude" / "day=1" / "old" / "notes.txt").write_text("mine")
        with pytest.raises(StateError, match="not an answer part"):
            publish(parts(UPath(tmp_path), 1, tag="b"), SCHEMA, out / "day=1", tag="b")
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


class TestVersions:
    """What a publication replaces can be put back."""

    def three(self, root: UPath, target: UPath, **options) -> Partition:
        for day, tag in enumerate("abc", start=1):
            at = f"2026-11-2{day}T00:00:00+00:00"
            publish(parts(root, 0, 1 + day, tag=tag), SCHEMA, target, tag=tag, at=at, **options)
        return place(target, partitioned=options.get("partitioned", True))

    @pytest.mark.parametrize("partitioned", [True, False])
    def test_the_last_ones_are_kept_and_no_reader_sees_them(self, root, partitioned):
        target = root / "out" / "day=1" if partitioned else root / "out"
        partition = self.three(root, target, partitioned=partitioned)
        assert [manifest.planned_at for _, manifest in versions(partition)] == ["b", "a"]
        assert KEPT_VERSIONS == 2
        publish(parts(root, 9, tag="d"), SCHEMA, target, tag="d", partitioned=partitioned)
        assert [manifest.planned_at for _, manifest in versions(partition)] == ["c", "b"]
        assert ids(root / "out") == ["d9"]
        assert [p for p in root.fs.find((root / "out").path) if p.endswith(".parquet")] == [
            str((target / "part-00009.parquet").path)
        ]

    @pytest.mark.parametrize("partitioned", [True, False])
    def test_the_newest_is_restored_and_what_it_replaces_is_kept_in_its_turn(self, root, partitioned):
        partition = self.three(root, root / "out" / "day=1" if partitioned else root / "out", partitioned=partitioned)
        found = restore(partition, None, "2026-11-24T00:00:00+00:00")
        assert ids(root / "out") == ["b0", "b3"]
        assert (found.planned_at, found.restored_at) == ("b", "2026-11-24T00:00:00+00:00")
        assert found == partition.manifest()
        assert found.restored_from is not None
        assert sorted(manifest.planned_at for _, manifest in versions(partition)) == ["a", "c"]
        restore(partition, next(v for v, m in versions(partition) if m.planned_at == "c"), "2026-11-25T00:00:00+00:00")
        assert ids(root / "out") == ["c0", "c4"]

    @pytest.mark.parametrize("partitioned", [True, False])
    def test_files_without_a_record_become_a_version_too_whatever_they_are(self, root, partitioned):
        target = root / "out" / "day=1" if partitioned else root / "out"
        target.mkdir(parents=True, exist_ok=True)
        (target / "part-00000.parquet").write_bytes(parts(root, 0)[0].read_bytes())
        (target / "part-00005.parquet").write_bytes(b"no Parquet at all")
        publish(parts(root, 1, tag="b"), SCHEMA, target, partitioned=partitioned)
        partition = place(target, partitioned=partitioned)
        [(_, kept)] = versions(partition)
        assert {file.name: file.rows for file in kept.files} == {"part-00000.parquet": 1, "part-00005.parquet": 0}
        assert ids(target) == ["b1"]
        publish(parts(root, 2, tag="c"), SCHEMA, target, partitioned=partitioned, tag="c")
        assert ids(target) == ["c2"]

    def test_a_version_that_is_not_there_is_named_with_those_that_are(self, root):
        partition = self.three(root, root / "out" / "day=1")
        with pytest.raises(StateError, match=r"has no version '2020' to restore\. There are 2026"):
            restore(partition, "2020", "now")
        with pytest.raises(StateError, match=r"has no version to restore\. None is kept"):
            restore(Partition.at(root / "out", "day", "2"), None, "now")
        assert ids(root / "out") == ["c0", "c4"]

    def test_publishing_the_same_plan_again_pushes_no_version_out(self, root):
        target = root / "out" / "day=1"
        partition = self.three(root, target)
        publish(parts(root, 0, 4, tag="c"), SCHEMA, target, tag="c")
        assert [manifest.planned_at for _, manifest in versions(partition)] == ["b", "a"]
        assert [str(found) for found in partitions_of(root / "out")] == [str(target)]

    def test_what_a_cut_short_publication_left_is_no_version(self, root):
        """On an object store the parts of two runs can be mixed; the good version before them was kept already."""
        target = root / "out"
        publish(parts(root, 0, 1), SCHEMA, target, partitioned=False)
        (target / "part-00007.parquet").write_bytes((target / "part-00000.parquet").read_bytes())
        publish(parts(root, 0, tag="b"), SCHEMA, target, partitioned=False, tag="b")
        assert versions(place(target, partitioned=False)) == []
        assert ids(target) == ["b0"]

    def test_a_version_of_a_damaged_partition_tells_the_rows_that_were_left_and_is_not_restored_as_whole(
        self, tmp_path
    ):
        root, target = UPath(tmp_path), UPath(tmp_path) / "out" / "day=1"
        publish(parts(root, 0, 1, 2), SCHEMA, target)
        (target / "part-00000.parquet").unlink()
        (target / "part-00002.parquet").write_bytes(b"PAR1")
        publish(parts(root, 0, tag="b"), SCHEMA, target, tag="b")
        [(_, kept)] = versions(place(target))
        assert {file.name: file.rows for file in kept.files} == {"part-00001.parquet": 1, "part-00002.parquet": 0}
        with pytest.raises(StateError, match=r"part-00002\.parquet is not a readable Parquet file"):
            restore(place(target), None, "2026-11-24T00:00:00+00:00")
        assert ids(target) == ["b0"]

    def test_a_damaged_partition_is_published_again_although_its_manifest_says_that_it_is_done(self, root):
        target = root / "out" / "day=1"
        publish(parts(root, 0, 1), SCHEMA, target)
        (target / "part-00001.parquet").unlink()
        publish(parts(root, 0, 1), SCHEMA, target)
        assert ids(target) == ["a0", "a1"]


class TestSeveralWriters:
    """A task that Airflow takes for dead goes on writing while its next try does."""

    @pytest.mark.parametrize("partitioned", [True, False])
    def test_one_that_finds_other_files_in_place_does_not_say_that_it_has_published(
        self, root, monkeypatch, partitioned
    ):
        target, write = root / "out" / "day=1" if partitioned else root / "out", replacing.write_record

        def meddled(path, record):
            monkeypatch.setattr(replacing, "write_record", write)
            path.parent.joinpath("part-00001.parquet").unlink()
            write(path, record)

        monkeypatch.setattr(replacing, "write_record", meddled)
        with pytest.raises(StateError, match="Another task has written to"):
            publish(parts(root, 0, 1), SCHEMA, target, partitioned=partitioned)
        publish(parts(root, 0, 1), SCHEMA, target, partitioned=partitioned)
        assert ids(target) == ["a0", "a1"]

    def test_a_manifest_that_names_files_elsewhere_is_not_restored(self, root):
        target = root / "out" / "day=1"
        publish(parts(root, 0), SCHEMA, target)
        publish(parts(root, 0, tag="b"), SCHEMA, target, tag="b")
        [(version, _)] = versions(place(target))
        manifest = place(target).aside / "versions" / version / "_claude_manifest.json"
        manifest.write_text(manifest.read_text().replace("part-00000.parquet", "../../../elsewhere"))
        with pytest.raises(StateError, match="does not name a part"):
            restore(place(target), version, "2026-11-24T00:00:00+00:00")
        assert ids(target) == ["b0"]


class TestPartitionFolder:
    @pytest.mark.parametrize(
        "value",
        ["2026-11-22", "2026-11-22T09:00:00+01:00", "Zürich", "a b_c.d", "2026-11-22T05+0100", "support@example.org"],
    )
    def test_plain_values_name_a_folder(self, value):
        assert partition_name("day", value) == f"day={value}"

    @pytest.mark.parametrize(
        "value",
        [
            "",
            ".",
            "..",
            "a/b",
            "/etc",
            "a\\b",
            "a..b",
            "../x",
            "%2e%2e",
            "a=b",
            "a\x00b",
            "a\nb",
            "a\n",
            "~",
            " a",
            "x" * 200,
        ],
    )
    def test_values_that_could_lead_elsewhere_are_refused(self, value):
        with pytest.raises(JobError, match="cannot name a folder"):
            partition_name("day", value)

    @pytest.mark.parametrize("column", ["", "a/b", "a=b", "..", "a b", "dáy"])
    def test_columns_are_plain_names(self, column):
        with pytest.raises(JobError, match="partition column"):
            partition_name(column, "2026-11-22")


class TestReadAnswers:
    def test_a_partition_is_text_whatever_its_digits(self, root):
        for tag, mailbox in (("a", "007"), ("b", "7")):
            publish(parts(root, 0, tag=tag), SCHEMA, root / "out" / f"mailbox={mailbox}", tag=tag)
        assert read_answers(root / "out").groupby("mailbox")["item_id"].first().to_dict() == {"007": "a0", "7": "b0"}
        assert list(read_answers(root / "out", ["mailbox"])["mailbox"]) == ["007", "7"]

    def test_types_stay_what_they_were(self, root):
        publish(parts(root, 0, 1), SCHEMA, root / "out" / "day=2026-11-22")
        frame = read_answers(root / "out")
        assert isinstance(frame, pd.DataFrame)
        assert frame["usd"].sum() == Decimal(1)
        assert frame.dtypes["n"] == pd.ArrowDtype(pa.int32())
        assert set(frame["day"]) == {"2026-11-22"}

    def test_days_whose_job_changed_give_all_columns_with_nulls_and_types_that_hold_both(self, root):
        old = pa.table({
            "item_id": ["a"], "gone": ["g"], "n": pa.array([1], pa.int32()), "score": pa.array([2], pa.int64()),
            "usd": pa.array([Decimal("1.25")], pa.decimal128(5, 2)), "later": pa.nulls(1), "tags": [[1]],
            "label": pa.array([3], pa.int64()), "flag": [True], "who": [{"name": "x"}],
        })  # fmt: skip
        new = pa.table({
            "item_id": ["b"], "n": pa.array([2], pa.int64()), "score": [0.5],
            "usd": pa.array([Decimal("0.000000000001")], pa.decimal128(18, 12)), "later": ["l"], "tags": [[1.5]],
            "label": ["three"], "flag": [7], "who": [{"name": "y", "age": 3}], "fresh": [True],
        })  # fmt: skip
        for day, table in (("2026-11-01", old), ("2026-11-02", new), ("2026-11-03", old)):
            path = root / "out" / f"day={day}" / "part-00000.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as stream:
                pq.write_table(table, stream)
        frame = read_answers(root / "out")
        assert list(frame.columns) == [*old.column_names, "fresh", "day"]
        assert list(frame["day"]) == ["2026-11-01", "2026-11-02", "2026-11-03"]
        assert (list(frame["n"]), list(frame["score"])) == ([1, 2, 1], [2.0, 0.5, 2.0])
        assert list(frame["usd"]) == [Decimal("1.25"), Decimal("0.000000000001"), Decimal("1.25")]
        assert [None if pd.isna(v) else v for v in frame["gone"]] == ["g", None, "g"]
        assert [None if pd.isna(v) else v for v in frame["fresh"]] == [None, True, None]
        assert [None if pd.isna(v) else v for v in frame["later"]] == [None, "l", None]
        assert list(frame["label"]) == ["3", "three", "3"]
        assert list(frame["flag"]) == ["true", "7", "true"]
        assert [list(v) for v in frame["tags"]] == [[1.0], [1.5], [1.0]]
        assert list(frame["who"]) == [{"name": "x", "age": None}, {"name": "y", "age": 3}, {"name": "x", "age": None}]
        assert list(read_answers(root / "out", ["fresh", "day"]).columns) == ["fresh", "day"]
        assert list(read_answers(root / "out", ["label"])["label"]) == ["3", "three", "3"]

    def test_a_list_and_a_text_are_refused_by_name_unless_the_column_is_left_out(self, root):
        for day, values in (("1", ["x"]), ("2", [["x"]])):
            path = root / "out" / f"day={day}" / "part-00000.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as stream:
                pq.write_table(pa.table({"item_id": ["a"], "topics": values}), stream)
        with pytest.raises(JobError, match=r"Column 'topics' is list<.*day=2.* and string in .*day=1"):
            read_answers(root / "out")
        assert list(read_answers(root / "out", ["item_id"])["item_id"]) == ["a", "a"]

    def test_a_whole_number_that_a_float_cannot_hold_is_an_error_and_never_rounded(self, root):
        for day, values in (("1", [2**53 + 1]), ("2", [0.5])):
            path = root / "out" / f"day={day}" / "part-00000.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as stream:
                pq.write_table(pa.table({"n": values}), stream)
        with pytest.raises(pa.ArrowInvalid):
            read_answers(root / "out")

    def test_only_the_columns_that_are_asked_for_are_read(self, root):
        [part] = parts(root, 0)
        assert list(read_answers(part, ["n"]).columns) == ["n"]


def litter(folder: UPath) -> None:
    """Leave in *folder*, and in all below, what a worker leaves that is killed while it writes."""
    for entry in list(folder.iterdir()):
        if entry.is_dir():
            litter(entry)
    (folder / ".part-00000.parquet.a_b0c1d2.tmp").write_bytes(b"PAR1")
    (folder / f".{MANIFEST}.z9y8x7w6.tmp").write_bytes(b"{")


@pytest.mark.parametrize("partitioned", [True, False])
def test_what_killed_workers_left_half_written_disturbs_no_publication_version_or_restore(root, partitioned):
    target = root / "out" / "day=1" if partitioned else root / "out"
    for day, tag in enumerate("abcd"):
        at = f"2026-11-2{day}T00:00:00+00:00"
        publish(parts(root, 0, 1, tag=tag), SCHEMA, target, tag=tag, partitioned=partitioned, at=at)
        litter(root / "out")
    [partition] = partitions_of(root / "out")
    assert partition.look().is_whole
    assert len(versions(partition)) == KEPT_VERSIONS
    restore(partition, None, "2026-11-24T00:00:00+00:00")
    assert ids(target) == ["c0", "c1"]
