"""Curves of losses: CSV tables and TensorBoard event files."""

from __future__ import annotations

import csv
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mbias.errors import BadInputError

LARGEST = 2**28
"""Bytes of the largest file that is read."""

Curves = dict[str, dict[int, float]]
"""By name, the value at each step."""

STEPS = ("epoch", "step", "global_step", "iteration")
"""Names of the column that counts, in a CSV."""


def read_curves(path: Path) -> Curves:
    """The curves of a file: CSV (.csv), else a TensorBoard event file.

    Raises
    ------
    BadInputError
        If it is missing, damaged, or holds no curve.
    """
    try:
        if path.exists() and (not path.is_file() or path.stat().st_size > LARGEST):
            raise BadInputError(f"{path}: no regular file below {LARGEST:,} bytes; give the losses alone")
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadInputError(f"{path}: there is no such file") from None
    except OSError as error:
        raise BadInputError(f"{path}: not readable ({error})") from None
    curves = _of_table(path, content) if path.suffix.lower() == ".csv" else _of_events(path, content)
    if not curves:
        raise BadInputError(f"{path}: no curve in it; give a CSV with a row an epoch, or a TensorBoard event file")
    return curves


def per_epoch(curve: dict[int, float], steps: int) -> list[float]:
    """Values by epoch: a step is one, or the mean of ``steps`` successive ones."""
    values = [curve[step] for step in sorted(curve)]
    return [math.fsum(part) / len(part) for part in (values[i : i + steps] for i in range(0, len(values), steps))]


def _of_table(path: Path, content: bytes) -> Curves:
    try:
        rows = list(csv.reader(content.decode("utf-8-sig").splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{path}: not a readable CSV ({error})") from None
    if len(rows) < 2:
        raise BadInputError(f"{path}: no row below its header; write one an epoch")
    header = [cell.strip() for cell in rows[0]]
    if len(set(header)) < len(header):
        raise BadInputError(f"{path}: row 1: a column's name stands twice; give each its own")
    counter = next((header.index(name) for name in STEPS if name in header), None)
    curves: Curves = {name: {} for place, name in enumerate(header) if place != counter}
    for number, cells in enumerate(rows[1:], start=2):
        if not cells:
            continue
        if len(cells) != len(header):
            raise BadInputError(f"{path}: row {number}: {len(cells)} cells in place of {len(header)}")
        step = number - 1 if counter is None else int(_number(path, number, header[counter], cells[counter]))
        for place, name in enumerate(header):
            # Logs of several curves leave cells empty where one has no value.
            if place != counter and cells[place].strip():
                curves[name][step] = _number(path, number, name, cells[place])
    return {name: curve for name, curve in curves.items() if curve}


def _number(path: Path, row: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadInputError(f"{path}: row {row}: {column!r} is {text[:40]!r}, no finite number; correct it")
    return value


def _of_events(path: Path, content: bytes) -> Curves:
    """Scalars of an event file: records of a length, its checksum, an Event of protocol buffers, its checksum.

    A last record that is cut short was being written. Of a step written twice the last counts.
    """
    curves: Curves = {}
    place = 0
    while place + 12 <= len(content):
        (length,) = struct.unpack_from("<Q", content, place)
        (check,) = struct.unpack_from("<I", content, place + 8)
        if check != _masked_crc(content[place : place + 8]):
            raise BadInputError(
                f"{path}: byte {place} begins no record of a TensorBoard event file; give one, or a CSV"
            )
        event = content[place + 12 : place + 12 + length]
        place += 16 + length
        if place > len(content):
            break
        try:
            step, scalars = _event(event)
        except (_BrokenError, UnicodeDecodeError) as error:
            raise BadInputError(f"{path}: a damaged event before byte {place} ({error}); log again") from None
        for tag, value in scalars:
            if not math.isfinite(value):
                raise BadInputError(
                    f"{path}: {tag!r} is {value} at step {step}; a diverged run has no place in a record"
                )
            curves.setdefault(tag, {})[step] = value
    return curves


class _BrokenError(ValueError):
    """Bytes that are no message of protocol buffers."""


class _Field(NamedTuple):
    number: int
    value: int | bytes


def _event(message: bytes) -> tuple[int, list[tuple[str, float]]]:
    """Step and scalars of an Event: 2 is its step, 5 its summary, whose values (1) have a tag (1) and a number."""
    step, scalars = 0, []
    for number, value in _fields(message):
        if number == 2 and isinstance(value, int):
            step = value
        elif number == 5 and isinstance(value, bytes):
            for inner, part in _fields(value):
                if inner == 1 and isinstance(part, bytes):
                    scalars += _scalar(part)
    return step, scalars


def _scalar(message: bytes) -> list[tuple[str, float]]:
    """Tag (1) and number of a summary's value: a float (2), or a tensor (8) of one float or double."""
    tag, number = "", None
    for field, value in _fields(message):
        if field == 1 and isinstance(value, bytes):
            tag = value.decode("utf-8")
        elif field == 2 and isinstance(value, bytes) and len(value) == 4:
            (number,) = struct.unpack("<f", value)
        elif field == 8 and isinstance(value, bytes):
            number = _tensor(value)
    return [] if number is None else [(tag, number)]


def _tensor(message: bytes) -> float | None:
    """The number of a tensor of one: type (1) float or double, in its content (4), its floats (5) or doubles (6)."""
    kind, content = 0, b""
    for field, value in _fields(message):
        if field == 1 and isinstance(value, int):
            kind = value
        elif field in (4, 5, 6) and isinstance(value, bytes):
            content = value
    form, size = {1: ("<f", 4), 2: ("<d", 8)}.get(kind, ("", -1))
    return struct.unpack(form, content)[0] if len(content) == size else None


def _fields(message: bytes) -> Iterator[_Field]:
    """Fields of a message: whole numbers as int, all else as bytes."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, place = _varint(message, place)
            yield _Field(number, value)
            continue
        if kind == 2:
            length, place = _varint(message, place)
        else:
            length = {1: 8, 5: 4}.get(kind, len(message))
        if place + length > len(message):
            raise _BrokenError("a field goes beyond its end")
        yield _Field(number, message[place : place + length])
        place += length


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            raise _BrokenError("a number goes beyond its end")
        byte = message[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise _BrokenError("a number has no end")


def _masked_crc(content: bytes) -> int:
    """CRC-32C, rotated as event files have it."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
