"""The memory of a probe at AudioSet's size, as a ratio to the outputs of one pass.

    python benchmarks/probing.py [--samples N] [--categories N] [--draws N]

All data are drawn at random; the model is one matrix.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd

import mbias


def main() -> None:
    """Print the peak of memory above the start of the probe, over the size of the outputs of one pass."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--categories", type=int, default=527)
    parser.add_argument("--draws", type=int, default=5)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    inputs = {name: rng.random((given.samples, 8), dtype=np.float32) for name in ("audio", "visual")}
    weights = rng.normal(size=(16, given.categories)).astype(np.float32)

    def predict(audio: np.ndarray, visual: np.ndarray) -> np.ndarray:
        p: np.ndarray = 1 / (1 + np.exp(-np.hstack([audio, visual]) @ weights))
        return p

    header = mbias.Header(
        modalities=tuple(inputs),
        categories=[f"category {index}" for index in range(given.categories)],
        losses=("loss",),
        joint_loss="loss",
        split="test",
        arrays={"p_joint": ("sample", "category")},
    )
    samples = pd.DataFrame({"sample": np.arange(given.samples).astype(str)})
    with tempfile.TemporaryDirectory() as folder:
        writer = mbias.RunWriter.create(f"{folder}/run", header, samples)
        writer.commit({}, {"p_joint": np.concatenate([predict(a, v) for a, v in _batches(inputs)])})
        run = mbias.Run(writer.path)
        start, peak = time.perf_counter(), _peak_of(lambda: mbias.probe(run, predict, inputs, draws=given.draws))
    one = given.samples * given.categories * 4
    print(f"one pass {one / 2**20:.0f} MiB; peak {peak / 2**20:.0f} MiB above the start, {peak / one:.2f} of one pass")
    print(f"{1 + 3 * given.draws} passes in {time.perf_counter() - start:.1f} s")


def _batches(inputs: dict[str, np.ndarray]) -> list[tuple[np.ndarray, ...]]:
    number = len(inputs["audio"]) // 256 + 1
    return list(zip(*(np.array_split(values, number) for values in inputs.values()), strict=True))


def _peak_of(work: object) -> int:
    """The peak of resident memory while something works, above what it was at the start, in bytes."""
    assert callable(work)
    start, peak, ended = _resident(), [0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.002):
            peak[0] = max(peak[0], _resident() - start)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        work()
    finally:
        ended.set()
        watching.join()
    return peak[0]


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


if __name__ == "__main__":
    main()
