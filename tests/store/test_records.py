"""Records are read by several threads at once."""

from __future__ import annotations

import subprocess
import sys

#: Kinds of records that no thread has read before, each read by six at once.
READ_AT_ONCE = """
import sys, threading
from airflow_provider_claude.store import read_record

class Path:
    def read_bytes(self):
        return b'{"f1": {"x": [{"a": 1}]}}'

source = '''from __future__ import annotations
import msgspec
from airflow_provider_claude.store.records.record import Record
class Inner(msgspec.Struct):
    a: int
    b: str = ""
class T(Record):
'''
source += "".join(f"    f{n}: dict[str, list[Inner]] | None = None\\n" for n in range(12))

def read(kind, start):
    start.wait()
    read_record(Path(), kind)

sys.setswitchinterval(1e-6)
for number in range(200):
    module = type(sys)(f"kind_{number}")
    sys.modules[module.__name__] = module
    exec(source, module.__dict__)
    start = threading.Barrier(6)
    threads = [threading.Thread(target=read, args=(module.T, start)) for _ in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
print("read")
"""


def test_threads_may_read_the_first_record_of_a_kind_at_the_same_moment() -> None:
    done = subprocess.run([sys.executable, "-c", READ_AT_ONCE], check=False, capture_output=True, text=True)
    assert done.stdout == "read\n", f"ended with {done.returncode}: {done.stderr[-500:]}"
