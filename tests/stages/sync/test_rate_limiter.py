"""The buckets that lanes of one machine share, and what may happen to their file."""

from __future__ import annotations

import fcntl
import math
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_provider_claude.core.sync.account_limits import AccountLimits
from airflow_provider_claude.core.sync.pace import Headroom, Meter
from airflow_provider_claude.core.sync.token_bucket import MIN_PACE, Use
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.stages.sync.rate_limiter import RateLimiter

PROJECT = Path(__file__).resolve().parents[3]
NOW = 1_800_000_000.0
LIMITS = AccountLimits(requests=6_000, input_tokens=6_000_000, output_tokens=600_000)
ONE = Use(1, 100, 10)

#: What is held at first, and gained a second, of 6,000 requests a minute with a tenth reserved.
HELD, RATE = 100, 90.0


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path / f"airflow-claude-{os.getuid()}"


def rate_limiter(now: Callable[[], float] = lambda: NOW, reserve: float = 0.1) -> RateLimiter:
    return RateLimiter("account", LIMITS, reserve=reserve, now=now)


def file_in(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def empty(one: RateLimiter) -> None:
    """Draw all that is held."""
    while one.draw(ONE) == 0:
        pass


def test_lanes_of_one_account_share_what_is_left() -> None:
    empty(rate_limiter())
    assert rate_limiter().draw(ONE) == pytest.approx(2 / RATE)


def test_lanes_of_two_accounts_do_not() -> None:
    empty(rate_limiter())
    assert RateLimiter("another", LIMITS, reserve=0.1, now=lambda: NOW).draw(ONE) == 0


def test_whoever_draws_later_waits_behind_the_others() -> None:
    first, second = rate_limiter(), rate_limiter()
    empty(first)
    assert [round(one.draw(ONE) * RATE) for one in (second, first, second)] == [2, 3, 4]


def test_what_was_drawn_and_not_used_is_given_back() -> None:
    one = rate_limiter()
    empty(one)
    one.give_back(ONE)
    one.give_back(ONE)
    assert one.draw(ONE) == 0


def test_a_refusal_closes_the_buckets_for_all_lanes() -> None:
    first, second = rate_limiter(), rate_limiter()
    first.draw(ONE)
    first.refused(ONE, 7.0)
    assert second.draw(ONE) == pytest.approx(7 + 1 / RATE)


def test_all_lanes_go_at_the_pace_that_the_headers_ask_for() -> None:
    first, second = rate_limiter(), rate_limiter()
    for left in (6_000, 300):
        pace = first.settle(first_drawn := Use(), first_drawn, Headroom(requests=Meter(6_000, left)))
    assert MIN_PACE <= pace < 0.2
    empty(second)
    assert second.draw(ONE) == pytest.approx(2 / RATE / pace)


def test_each_lane_keeps_its_own_reserve_whoever_made_the_file() -> None:
    empty(rate_limiter(reserve=0.1))
    assert rate_limiter(reserve=0.5).draw(ONE) == pytest.approx(2 / 50)


def test_a_reserve_that_is_no_share_is_refused() -> None:
    with pytest.raises(JobError, match=r"reserve is 1\.5"):
        rate_limiter(reserve=1.5)


def test_limits_are_as_the_headers_say() -> None:
    one = rate_limiter()
    one.settle(ONE, ONE, Headroom(requests=Meter(60, 60)))
    assert one.limits.requests == 60
    empty(one)
    assert one.draw(ONE) == pytest.approx(2 / 0.9, rel=0.2)


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"x",
        b"\0" * 80,
        b"\xff" * 80,
        b"\xff" * 5_000,
        struct.pack("<10d", *[math.nan] * 10),
        struct.pack("<10d", *[-1e300] * 10),
        struct.pack("<10d", 1.0, 1.0, 1.0, 1.0, *[-1e300, NOW] * 3),
        struct.pack("<10d", 1.0, 1.0, 1.0, 1.0, *[0.0, 1e300] * 3),
        struct.pack("<11d", *[1.0] * 11),
    ],
)
def test_whatever_the_file_holds_a_request_gets_its_turn_and_the_file_is_mended(folder: Path, garbage: bytes) -> None:
    rate_limiter().draw(ONE)
    file_in(folder).write_bytes(garbage)
    one = rate_limiter()
    assert one.draw(ONE) < 120
    assert file_in(folder).stat().st_size == 80
    assert one.draw(ONE) < 120


def test_a_file_that_was_removed_is_made_again_so_that_others_find_it(folder: Path) -> None:
    one = rate_limiter()
    empty(one)
    file_in(folder).unlink()
    empty(one)
    assert rate_limiter().draw(ONE) > 0


@pytest.mark.parametrize("hours", [-100, -2, 2, 100])
def test_a_clock_that_jumps_stops_no_one(hours: int) -> None:
    clock = [NOW]
    one = rate_limiter(lambda: clock[0])
    empty(one)
    clock[0] += hours * 3600
    assert one.draw(ONE) <= 3 / RATE
    empty(one)
    clock[0] += 1.0
    assert one.draw(ONE) == 0


def not_ours(folder: Path) -> None:
    folder.mkdir(mode=0o777)
    os.chown(folder, 12_345, 12_345)


def a_link(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir()
    folder.symlink_to(folder.parent / "elsewhere")


def a_file(folder: Path) -> None:
    folder.write_bytes(b"")


def open_to_all(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)


def open_to_readers(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o750)


@pytest.mark.parametrize("make", [not_ours, a_link, a_file, open_to_all, open_to_readers])
def test_a_folder_that_is_not_ours_leaves_a_lane_with_buckets_of_its_own(
    folder: Path, caplog: pytest.LogCaptureFixture, make: Callable[[Path], None]
) -> None:
    if make is not_ours and os.getuid() != 0:
        pytest.skip("only root can give a folder to another user")
    make(folder)
    one = rate_limiter()
    empty(one)
    assert one.draw(ONE) == pytest.approx(2 / RATE)
    assert rate_limiter().draw(ONE) == 0
    assert len([record for record in caplog.records if "cannot share" in record.message]) == 2
    assert not folder.is_dir() or not list(folder.iterdir())


def test_a_lock_that_is_never_released_stops_no_one(folder: Path) -> None:
    one = rate_limiter()
    one.draw(ONE)
    with file_in(folder).open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for _ in range(1_000):
            one.draw(ONE)
    assert rate_limiter().draw(ONE) == pytest.approx((1_002 - HELD) / RATE)


def test_after_it_is_closed_another_look_opens_the_file_again() -> None:
    one = rate_limiter()
    empty(one)
    one.close()
    one.close()
    assert one.draw(ONE) > 0


WORKER = """
import os, sys, tempfile
tempfile.tempdir = sys.argv[1]
from tests.stages.sync.test_rate_limiter import ONE, rate_limiter
one = rate_limiter()
one.draw(ONE)
print("ready", flush=True)
sys.stdin.readline()
for _ in range(1_000):
    one.draw(ONE)
print("done", flush=True)
while True:
    one.draw(ONE)
    one.give_back(ONE)
"""


def worker(tmp_path: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", WORKER, str(tmp_path)]
    return subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_no_draw_of_several_processes_is_lost_and_a_killed_one_leaves_the_file_usable(tmp_path: Path) -> None:
    workers = [worker(tmp_path) for _ in range(3)]
    try:
        for one in workers:
            assert one.stdout is not None
            assert one.stdout.readline() == b"ready\n"
        for one in workers:
            assert one.stdin is not None
            one.stdin.write(b"\n")
            one.stdin.flush()
        for one in workers:
            assert one.stdout is not None
            assert one.stdout.readline() == b"done\n"
    finally:
        for one in workers:
            one.send_signal(signal.SIGKILL)
            one.communicate()
    most, killed = 3 * 1_001 + 1, 3
    waited = rate_limiter().draw(ONE) * RATE
    assert most - HELD - 1e-6 <= waited <= most - HELD + killed + 1e-6
