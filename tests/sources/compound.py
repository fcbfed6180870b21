"""Outlook messages for tests: a compound file (MS-CFB) written by hand, since no library writes one."""

from __future__ import annotations

import struct
from collections.abc import Mapping

Tree = Mapping[str, "bytes | Tree"]

_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def compound(tree: Tree) -> bytes:
    """A compound file of *tree*. Its streams are filled up with zeros to 4,096 bytes, so that none is a short one."""
    entries: list[list[object]] = [["Root Entry", 5, _FREE, _FREE, 0, 0]]
    data: list[bytes] = []
    _add(entries, data, 0, tree)
    directory = b"".join(_entry(*entry) for entry in entries)  # type: ignore[arg-type]
    directory += bytes(-len(directory) % 512)
    body = b"".join(data)
    places = len(directory) // 512
    sectors = 0
    while sectors * 128 < sectors + places + len(body) // 512:
        sectors += 1
    fat = [_FAT] * sectors + _chain(sectors, places)
    for one in data:
        fat += _chain(len(fat), len(one) // 512)
    fat += [_FREE] * (sectors * 128 - len(fat))
    shifted = _shifted(directory, sectors + places)
    head = struct.pack(
        "<8s16xHHHHH6xIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6, 0, sectors, sectors, 0, 4096, _END, 0, _END, 0,
    )  # fmt: skip
    difat = [*range(sectors), *[_FREE] * (109 - sectors)]
    return head + struct.pack("<109I", *difat) + struct.pack(f"<{len(fat)}I", *fat) + shifted + body


def _chain(start: int, count: int) -> list[int]:
    return [*range(start + 1, start + count), _END] if count else []


def _add(entries: list[list[object]], data: list[bytes], parent: int, tree: Tree) -> None:
    last = None
    for name, value in tree.items():
        number = len(entries)
        if last is None:
            entries[parent][3] = number
        else:
            entries[last][2] = number
        last = number
        if isinstance(value, bytes):
            padded = value + bytes(max(0, 4096 - len(value)))
            entries.append([name, 2, _FREE, _FREE, sum(map(len, data)) // 512, len(padded)])
            data.append(padded + bytes(-len(padded) % 512))
        else:
            entries.append([name, 1, _FREE, _FREE, 0, 0])
            _add(entries, data, number, value)


def _entry(name: str, kind: int, right: int, child: int, start: int, size: int) -> bytes:
    named = name.encode("utf-16-le")
    return struct.pack(
        "<64sHBBIII16xI16xIQ", named, len(named) + 2, kind, 1, _FREE, right, child, 0, start if kind == 2 else 0, size
    )


def _shifted(directory: bytes, by: int) -> bytes:
    """*directory*, with the streams beginning *by* sectors later."""
    out = bytearray(directory)
    for place in range(0, len(out), 128):
        if out[place + 66] == 2:
            (start,) = struct.unpack_from("<I", out, place + 116)
            struct.pack_into("<I", out, place + 116, start + by)
        elif out[place + 66] == 5:
            struct.pack_into("<I", out, place + 116, _END)
    return bytes(out)


def properties(start: int, values: Mapping[int, tuple[int, int]]) -> bytes:
    """The fixed properties of a folder: type and value by number, behind a header of *start* bytes."""
    return bytes(start) + b"".join(struct.pack("<HHIQ", kind, n, 6, value) for n, (kind, value) in values.items())


def text(number: int, value: str) -> dict[str, bytes]:
    return {f"__substg1.0_{number:04X}001F": value.encode("utf-16-le")}
