"""Curves of losses from CSV files and TensorBoard event files."""

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
"""By name of the curve, its value at each step."""

STEPS = ("epoch", "step", "global_step", "iteration")
"""Names of a CSV column that counts the steps."""


def read_curves(path: Path) -> Curves:
    r"""Read the curves of a CSV file (.csv), or of a TensorBoard event file (any other name).

    Parameters
    ----------
    path
        The file. A CSV file has one row per step and one column per curve. Cells may be empty.

    Returns
    -------
    dict of str to dict of int to float
        By name of the curve, its value at each step. If a step occurs twice, the last value counts.

    Raises
    ------
    BadInputError
        If the file is missing or damaged, or holds no curve.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "log.csv").write_text("epoch,loss,audio\n1,0.7,0.6\n2,0.5,\n")
    ...     read_curves(Path(folder, "log.csv"))
    {'loss': {1: 0.7, 2: 0.5}, 'audio': {1: 0.6}}
    """
    try:
        if path.exists() and (not path.is_file() or path.stat().st_size > LARGEST):
            raise BadInputError(f"{path}: not a regular file below {LARGEST:,} bytes; give the losses alone")
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadInputError(f"{path}: there is no such file") from None
    except OSError as error:
        raise BadInputError(f"{path}: not readable ({error})") from None
    curves = _from_table(path, content) if path.suffix.lower() == ".csv" else _from_events(path, content)
    if not curves:
        raise BadInputError(
            f"{path}: the file holds no curve; give a CSV with one row per epoch, or a TensorBoard event file"
        )
    return curves


def per_epoch(curve: dict[int, float], steps: int) -> list[float]:
    """Average a curve over epochs.

    Parameters
    ----------
    curve
        The value at each step.
    steps
        The number of logged steps per epoch.

    Returns
    -------
    list of float
        The mean of each ``steps`` successive values, in the order of steps.

    Examples
    --------
    >>> per_epoch({1: 4.0, 2: 2.0, 3: 1.0, 4: 1.0}, 2)
    [3.0, 1.0]
    """
    values = [curve[step] for step in sorted(curve)]
    return [math.fsum(part) / len(part) for part in (values[i : i + steps] for i in range(0, len(values), steps))]


def _from_table(path: Path, content: bytes) -> Curves:
    try:
        rows = list(csv.reader(content.decode("utf-8-sig").splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{path}: not a readable CSV ({error})") from None
    if len(rows) < 2:
        raise BadInputError(f"{path}: no row below the header; write one row per epoch")
    header = [cell.strip() for cell in rows[0]]
    if len(set(header)) < len(header):
        raise BadInputError(f"{path}: row 1: two columns have the same name; rename one of them")
    counter = next((header.index(name) for name in STEPS if name in header), None)
    curves: Curves = {name: {} for column, name in enumerate(header) if column != counter}
    for number, cells in enumerate(rows[1:], start=2):
        if not cells:
            continue
        if len(cells) != len(header):
            raise BadInputError(f"{path}: row {number}: {len(cells)} cells instead of {len(header)}; correct the row")
        step = number - 1 if counter is None else int(_number(path, number, header[counter], cells[counter]))
        for column, name in enumerate(header):
            # A log of several curves leaves a cell empty if a curve has no value at this step.
            if column != counter and cells[column].strip():
                curves[name][step] = _number(path, number, name, cells[column])
    return {name: curve for name, curve in curves.items() if curve}


def _number(path: Path, row: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadInputError(f"{path}: row {row}: {column!r} is {text[:40]!r}, not a finite number; correct it")
    return value


def _from_events(path: Path, content: bytes) -> Curves:
    """Read the scalars of an event file.

    The file is a sequence of records. A record is a length, its checksum, an Event message of Protocol Buffers, and the
    checksum of the message. An incomplete last record is ignored, because it was still being written.
    """
    curves: Curves = {}
    offset = 0
    while offset + 12 <= len(content):
        (length,) = struct.unpack_from("<Q", content, offset)
        (check,) = struct.unpack_from("<I", content, offset + 8)
        if check != masked_crc(content[offset : offset + 8]):
            raise BadInputError(
                f"{path}: no record of a TensorBoard event file at byte {offset}; give an event file or a CSV"
            )
        event = content[offset + 12 : offset + 12 + length]
        offset += 16 + length
        if offset > len(content):
            break
        try:
            step, scalars = _event(event)
        except (_BrokenError, UnicodeDecodeError) as error:
            raise BadInputError(f"{path}: a damaged event before byte {offset} ({error}); log again") from None
        for tag, value in scalars:
            if not math.isfinite(value):
                raise BadInputError(f"{path}: {tag!r} is {value} at step {step}; a diverged run cannot be imported")
            curves.setdefault(tag, {})[step] = value
    return curves


class _BrokenError(ValueError):
    """The bytes are not a message of Protocol Buffers."""


class _Field(NamedTuple):
    number: int
    value: int | bytes


def _event(message: bytes) -> tuple[int, list[tuple[str, float]]]:
    """Return step and scalars of an Event. Field 2 is the step, field 5 the summary with values in its field 1."""
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
    """Return tag (field 1) and number of a summary value: a float (2), or a tensor (8) of one float or double."""
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
    """Return the number of a tensor with one element.

    Field 1 is the type, float or double. The element is in field 4 (content), 5 (floats) or 6 (doubles).
    """
    kind, content = 0, b""
    for field, value in _fields(message):
        if field == 1 and isinstance(value, int):
            kind = value
        elif field in (4, 5, 6) and isinstance(value, bytes):
            content = value
    layout, size = {1: ("<f", 4), 2: ("<d", 8)}.get(kind, ("", -1))
    if len(content) != size:
        return None
    number: float = struct.unpack(layout, content)[0]
    return number


def _fields(message: bytes) -> Iterator[_Field]:
    """Iterate over the fields of a message: varints as int, all other fields as bytes."""
    offset = 0
    while offset < len(message):
        key, offset = _varint(message, offset)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, offset = _varint(message, offset)
            yield _Field(number, value)
            continue
        if kind == 2:
            length, offset = _varint(message, offset)
        else:
            length = {1: 8, 5: 4}.get(kind, len(message))
        if offset + length > len(message):
            raise _BrokenError("a field extends beyond the message")
        yield _Field(number, message[offset : offset + length])
        offset += length


def _varint(message: bytes, offset: int) -> tuple[int, int]:
    """Return the integer at an offset, and the offset after it."""
    value = 0
    for shift in range(0, 70, 7):
        if offset >= len(message):
            raise _BrokenError("a number extends beyond the message")
        byte = message[offset]
        offset += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, offset
    raise _BrokenError("a number is longer than 64 bits")


def masked_crc(content: bytes) -> int:
    """Return the checksum that event files use, a CRC-32C that is rotated and offset.

    Parameters
    ----------
    content
        The bytes.

    Returns
    -------
    int
        The checksum.

    Examples
    --------
    >>> hex(masked_crc(b"123456789"))
    '0xc78ab0e5'
    """
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
