"""Makes the record that mbias bundles, `mbias.load_example`, from the runs of ``models/example.toml``.

    mbias synth data/example --train 1000 --val 200 --test 150 --audio-strength 2.5 --packed
    mbias study models/example.toml
    mbias probe models/example --draws 1
    python tools/make_example.py models/example mbias/records/example
    mbias-analyze diagnosis mbias/records/example --figure docs/_static/verdict.png    # the figure of README

To stay within 3 MB of a wheel, it keeps the most frequent categories, the arrays of the first, best and last epoch, the
outputs of the probes without those of segments, and eight significant bits of every output.
"""

from __future__ import annotations

import argparse
import dataclasses
from contextlib import suppress
from pathlib import Path

import numpy as np

import mbias
from mbias.records.probes import Probe, read_probe

CATEGORIES = 8
"""How many categories are kept: those with the most events in the recorded videos."""


def main() -> None:
    """Make the record that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", type=Path, help="the folder of the trained and probed runs")
    parser.add_argument("out", type=Path, help="the folder to write; it must not exist")
    options = parser.parse_args()
    study = mbias.open_study(options.study)
    kept = most_frequent(study.runs[0])
    options.out.mkdir(parents=True)
    for run in study:
        write_part(run, options.out / run.name, kept)


def most_frequent(run: mbias.Run) -> np.ndarray:
    """The positions of the categories to keep, in the order of the header."""
    return np.sort(np.argsort(-run.truth["weak"].sum(0), kind="stable")[:CATEGORIES])


def write_part(run: mbias.Run, out: Path, kept: np.ndarray) -> None:
    """Write a run, and its probe, with some of its categories."""
    categories = tuple(run.header.categories[index] for index in kept)
    header = dataclasses.replace(run.header, categories=categories)
    truth = {name: values[..., kept] for name, values in run.truth.items()}
    writer = mbias.RunWriter.create(out, header, run.samples, truth)
    whole = {1, run.commit("best").epoch, run.commit("last").epoch}
    for commit in run.commits:
        names = [name for name in run.header.arrays if name in commit.arrays and commit.epoch in whole]
        arrays = {name: rounded(run.values(name, commit.epoch)[..., kept]) for name in names}
        writer.commit(commit.losses, arrays, commit.scores, commit.best, commit.learning_rate, commit.seconds)
    probe = read_probe(run)
    outputs = {of_pass: part_of_pass(probe, of_pass, kept) for of_pass in probe.passes}
    mbias.write_probe(out, probe.epoch, outputs)


def part_of_pass(probe: Probe, of_pass: mbias.Pass, kept: np.ndarray) -> dict[str, np.ndarray]:
    """The outputs of a pass that were recorded, of some categories."""
    part = {}
    for name in ("p_joint", "donors"):
        with suppress(mbias.NotApplicableError):
            values = probe.values(of_pass, name)
            part[name] = values if name == "donors" else rounded(values[..., kept])
    return part


def rounded(values: np.ndarray) -> np.ndarray:
    """The values with eight significant bits, which compress to less than half."""
    bits = np.asarray(values, np.float32).view(np.uint32)
    return ((bits + 0x8000) & 0xFFFF0000).view(np.float32)


if __name__ == "__main__":
    main()
