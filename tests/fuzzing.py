"""Fuzz every reader with files that are damaged at random. Only `BadInputError` with a one-line message may occur.

``python -m tests.fuzzing 120000`` distributes 120,000 inputs over all readers and prints the outcomes of each reader.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import struct
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np
from safetensors.numpy import save

from mbias.errors import BadInputError
from tests.drawn_runs import draw_run

Case = tuple[str, Path, Callable[[], object]]
"""The name of a reader, the file that is damaged, and the call that reads it."""

TOKENS = (b"\0" * 8, b"\xff" * 8, b"9" * 30, b"-1", b"1e999", b"NaN", b"null", b"[]", b"{}", b'"', b"\\ud800", b"../",
          b"/etc/passwd", b"<script>", b"\r\n", b"\t", b",", b"\x80", b"cos\nsystem\n(S'true'\ntR.", b"PK\x03\x04",
          b"|O", b"(1099511627776,)", b"[" * 3000, b"99999999999")  # fmt: skip
"""Bytes that are inserted into files."""

SANDBOXED = ("import/.pt", "import/.nc", "import/.zarr")
"""Readers that use compiled libraries and run in the sandbox, where a crash ends only the separate process."""

SLOW = {"import/.zarr": 3, "analysis": 5, "probe": 5, "record": 8, "import/.nc": 8, "import/.pt": 8}
"""Shares of the inputs for readers that take milliseconds. Others take tenths of a millisecond, and get `FAST`."""

FAST = 20


def cases(folder: Path) -> list[Case]:
    """Return every reader with a valid file."""
    return [
        *_records(folder / "run"),
        *_annotations(folder),
        *_arrays(folder),
        *_curves(folder),
        *_answers(folder),
        *_formats(folder),
    ]


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Apply one to four random changes: flip, delete, insert, repeat or truncate bytes. Rarely, return random bytes."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        offset = rng.randrange(len(data) + 1)
        match rng.randrange(7):
            case 0 if data:
                data[offset % len(data)] ^= 1 << rng.randrange(8)
            case 1:
                del data[offset : offset + rng.randint(1, 64)]
            case 2:
                data[offset:offset] = rng.choice(TOKENS)
            case 3:
                token = rng.choice(TOKENS)
                data[offset : offset + len(token)] = token
            case 4:
                del data[offset:]
            case 5:
                data[offset:offset] = data[offset : offset + rng.randint(1, 200)]
            case _:
                data[offset : offset + 8] = rng.randbytes(8)
    return bytes(data) if rng.random() > 0.02 else rng.randbytes(rng.randrange(400))


def share(case: Case) -> int:
    """Return the relative number of inputs of a case."""
    return next((share for name, share in SLOW.items() if case[0].startswith(name)), FAST)


def fuzz(case: Case, inputs: int, seed: int) -> Counter[str]:
    """Read damaged versions of a case's file.

    Returns
    -------
    collections.Counter
        How many inputs were ``read``, were ``refused``, and ``ended`` the separate process of a sandboxed reader.

    Raises
    ------
    AssertionError
        If a reader raises anything but `BadInputError`, or its message is not one line.
    """
    name, path, read = case
    content = path.read_bytes()

    def outcome(number: int) -> str:
        data = damaged(content, random.Random(f"{name} {seed} {number}"))
        path.write_bytes(data)
        try:
            return _outcome(read)
        except Exception as error:
            kept = Path(tempfile.gettempdir()) / f"fuzz-{name.replace('/', '_')}-{number}{path.suffix}"
            kept.write_bytes(data)
            raise AssertionError(f"{name}, input {number} ({kept}): {type(error).__name__}: {error}") from error

    counts = Counter((_in_process if name.startswith(SANDBOXED) else map)(outcome, range(inputs)))
    path.write_bytes(content)
    return counts


def _outcome(read: Callable[[], object]) -> str:
    try:
        read()
    except BadInputError as error:
        assert str(error).strip() and "\n" not in str(error), str(error)
        return "refused"
    return "read"


def _in_process(outcome: Callable[[int], str], numbers: range) -> Iterator[str]:
    """Return outcomes of a sandboxed reader, called in a separate process that is replaced whenever it crashes."""
    while numbers:
        receive, send = os.pipe()
        child = os.fork()
        if child == 0:
            _send_outcomes(outcome, numbers, send)
        os.close(send)
        with os.fdopen(receive, "rb") as answers:
            received = [("read", "refused")[answer] for answer in answers.read()]
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code <= 0, "the traceback is above"
        yield from received
        numbers = numbers[len(received) :]
        if code < 0:
            yield "ended"
            numbers = numbers[1:]


def _send_outcomes(outcome: Callable[[int], str], numbers: range, send: int) -> NoReturn:
    """Write one byte for each outcome as soon as it is known."""
    code = 1
    try:
        for number in numbers:
            os.write(send, bytes([("read", "refused").index(outcome(number))]))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _records(path: Path) -> Iterator[Case]:
    from mbias.analysis import attention, losses
    from mbias.records.run import Run
    from mbias.records.study import open_study
    from mbias.records.validate import faults

    draw_run(path, videos=3, epochs=2, categories=2)

    def analysed() -> None:
        study = open_study(path)
        attention.shares(study)
        losses.coincidence(study)

    def read() -> None:
        run = Run(path)
        faults(path)
        for name in run.commit().arrays:
            run.array(name)
        _ = run.truth, run.display_name, run.complete, run.failure

    shard, truth = path / "epochs/0002.safetensors", path / "truth.safetensors"
    for file in (path / "run.json", path / "epochs.jsonl", path / "samples.csv", shard, truth):
        yield f"record/{file.name}", file, read
        yield f"analysis/{file.name}", file, analysed
    failed = draw_run(path.with_name("failed"), videos=2, epochs=1, categories=2) / "failed.json"
    failed.write_text(json.dumps({"reason": "diverged", "epoch": 2, "step": 1, "time": "2026-01-01T00:00:00Z"}))
    yield "record/failed.json", failed, lambda: Run(failed.parent).failure
    yield from _probes(path.with_name("probed"))


def _probes(path: Path) -> Iterator[Case]:
    from mbias.analysis.measures.coalitions import OUTCOMES, coalition_parts
    from mbias.analysis.measures.parts import cross_parts, swap_parts
    from mbias.records.run import Run
    from mbias.records.validate import faults

    draw_run(path, videos=3, epochs=1, categories=2)

    def read() -> None:
        faults(path)
        run = Run(path)
        for outcome in OUTCOMES:
            coalition_parts(run, outcome, "mean")
        swap_parts(run, 1), cross_parts(run, 1)

    for file in (path / "probe/probe.json", path / "probe/outputs.safetensors"):
        yield f"probe/{file.name}", file, read


def _annotations(folder: Path) -> Iterator[Case]:
    from mbias.llp.annotations import read_dense, read_weak
    from mbias.llp.streams.description import STREAMS_FILE, described_streams

    weak, dense = folder / "weak.csv", folder / "dense.csv"
    weak.write_text("filename\tevent_labels\nabcdefghijk_0_10\tSpeech,Dog\nbbcdefghijk_0_10\tCat\n")
    dense.write_text("filename\tonset\toffset\tevent_labels\nabcdefghijk_0_10\t0\t4\tSpeech\nbbc_0_10\t2\t9\tCat\n")
    streams = folder / STREAMS_FILE
    tables = [f"[{name}]\nmodality='{name}'\nfolder='x'\nrows=10\nwidth=9\n" for name in ("audio", "visual")]
    streams.write_text("".join(tables))
    yield "llp/streams", streams, lambda: described_streams(folder)
    yield "llp/weak", weak, lambda: read_weak(weak)
    yield "llp/dense", dense, lambda: read_dense(dense)


def _arrays(folder: Path) -> Iterator[Case]:
    from mbias.exchange.arrays import READERS, read_arrays
    from mbias.llp.features import read_feature
    from mbias.llp.streams.presets import HAN_STREAMS

    wav = np.random.default_rng(0).random((3, 4, 2, 3), dtype=np.float32)
    npy, npz, feature = folder / "a.npy", folder / "a.npz", folder / "feature.npy"
    np.save(npy, wav)
    np.savez_compressed(npz, wav=wav, names=np.array(["a", "b"]))
    np.save(feature, np.zeros((10, 128), np.float32))
    tensors = folder / "a.safetensors"
    tensors.write_bytes(save({"wav": wav, "p": wav}))
    for path in (npy, npz, tensors):
        yield f"import/{path.suffix}", path, lambda path=path: _touch(read_arrays(path))
    yield "llp/feature", feature, lambda: read_feature(feature, HAN_STREAMS[0])
    assert set(READERS) >= {".pt", ".nc", ".zarr"}


def _touch(arrays) -> None:
    """Read every value, because arrays may be memory maps."""
    for array in arrays.values():
        np.asarray(array.values).sum() if array.values.dtype.kind in "fiub" else array.values.size


def _curves(folder: Path) -> Iterator[Case]:
    from mbias.exchange.curves import read_curves

    table, events = folder / "log.csv", folder / "events.out.tfevents.1"
    table.write_text("epoch,loss,audio\n1,0.5,0.6\n2,0.4,0.5\n")
    events.write_bytes(b"".join(event(step, {"loss": 1 / step, "audio": 0.5}) for step in (1, 2, 3)))
    yield "import/csv", table, lambda: read_curves(table)
    yield "import/tensorboard", events, lambda: read_curves(events)


def _answers(folder: Path) -> Iterator[Case]:
    from mbias.exchange.answers.plan import plan_answers

    log = folder / "answers.jsonl"
    entries = [
        {"item": item, "condition": condition, "answer": "yes", "gold": "no", "correct": False, "video": "a"}
        for condition in ("full", "no audio", "swapped video")
        for item in (1, 2)
    ]
    log.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    yield "import/answers", log, lambda: plan_answers([log], {}).lines()


def _formats(folder: Path) -> Iterator[Case]:
    """Return the readers of formats whose libraries may not be installed."""
    from mbias.exchange.readers import netcdf_file, torch_file, zarr_folder

    if _installed("torch"):
        import torch

        path = folder / "a.pt"
        torch.save({"wav": torch.rand(3, 2), "p": torch.rand(3)}, path)
        old = folder / "old.pt"
        torch.save({"wav": torch.rand(3, 2)}, old, _use_new_zipfile_serialization=False)
        yield "import/.pt", path, lambda: _touch(torch_file.read(path))
        yield "import/.pt, old", old, lambda: _touch(torch_file.read(old))
    if _installed("h5netcdf") and _installed("h5py") and _installed("zarr"):
        from mbias.exchange.export import export_run

        run = draw_run(folder / "exported", videos=2, epochs=1, categories=2)
        writers = (
            lambda: export_run(run, folder / "a.nc"),
            lambda: export_run(run, folder / "a.zarr"),
            lambda: _write_compressed(folder / "b.zarr"),
        )
        # In a separate process, because the threads of Zarr would not survive the later forks.
        assert set(_in_process(lambda number: _outcome(writers[number]), range(len(writers)))) == {"read"}
        yield "import/.zarr, compressed", folder / "b.zarr/wav/0.0", lambda: _touch(zarr_folder.read(folder / "b.zarr"))
        yield "import/.nc", folder / "a.nc", lambda: _touch(netcdf_file.read(folder / "a.nc"))
        for file in ("wav/.zarray", "wav/.zattrs", "wav/0.0.0.0.0", "category/.zarray", ".zgroup"):
            yield f"import/.zarr {file}", folder / "a.zarr" / file, lambda: _touch(zarr_folder.read(folder / "a.zarr"))


def _write_compressed(path: Path) -> None:
    """Write a Zarr 2 folder with the default compression of that format."""
    import numcodecs
    import zarr

    group = zarr.open_group(path, mode="w", zarr_format=2)
    group.create_array("wav", data=np.arange(600.0).reshape(20, 30), chunks=(20, 30), compressors=numcodecs.Blosc())


def _installed(module: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(module) is not None


def event(step: int, scalars: dict[str, float]) -> bytes:
    """Return one record of a TensorBoard event file."""
    values = b""
    for tag, value in scalars.items():
        name = tag.encode()
        inner = b"\x0a" + bytes([len(name)]) + name + b"\x15" + struct.pack("<f", value)
        values += b"\x0a" + bytes([len(inner)]) + inner
    message = b"\x09" + struct.pack("<d", 1.0) + b"\x10" + bytes([step]) + b"\x2a" + bytes([len(values)]) + values
    length = struct.pack("<Q", len(message))
    return length + struct.pack("<I", _crc(length)) + message + struct.pack("<I", _crc(message))


def _crc(content: bytes) -> int:
    from mbias.exchange.curves import masked_crc

    return masked_crc(content)


def main(arguments: list[str] | None = None) -> None:
    """Fuzz all readers and print the outcomes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("inputs", type=int, help="number of inputs, distributed as `share` says")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="only the readers whose name contains this text")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    # In memory if possible, because a file is written for every input.
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
    try:
        chosen = [case for case in cases(folder) if options.only in case[0]]
        total: Counter[str] = Counter()
        shares = sum(map(share, chosen))
        for case in chosen:
            start = time.perf_counter()
            counts = fuzz(case, -(-options.inputs * share(case) // shares), options.seed)
            total += counts
            read, refused, ended = (f"{counts[outcome]:6,} {outcome}" for outcome in ("read", "refused", "ended"))
            seconds = time.perf_counter() - start
            print(f"{case[0]:34} {sum(counts.values()):6,} inputs:{read}{refused}{ended}  {seconds:4.0f} s", flush=True)
        print(
            f"{sum(total.values()):,} inputs: {total['read']:,} read, {total['refused']:,} refused, "
            f"{total['ended']:,} ended the separate process, no crash"
        )
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
