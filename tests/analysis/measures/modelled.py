"""Runs of models that are functions of their inputs, probed with the inputs of other samples."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mbias import Header, Pass, Run, RunWriter, Study, write_probe
from mbias.analysis.measures.use import use
from mbias.analysis.settings import settings
from mbias.probing.draws import derangement, donors


def modelled_run(path, function, inputs, weak=None, seed=None, groups=None, draws=5, swapped=None, recorded=True):
    """A run of ``function``, from one input (sample, ...) per modality to outputs (sample, category).

    With a ``seed``, a run trained here; otherwise an external one. ``swapped`` is another function, which gives the
    outputs of the passes with donors without a common label. ``recorded`` is whether the donors are.
    """
    modalities = tuple(inputs)
    whole = function(*inputs.values())
    size, categories = whole.shape
    header = Header(
        modalities=modalities,
        categories=tuple(f"C{c}" for c in range(categories)),
        losses=("wsl",),
        joint_loss="wsl",
        split="test",
        arrays={"p_joint": ("sample", "category")},
        training=None if seed is None else _training(seed),
    )
    samples = pd.DataFrame({"sample": [f"s{n:04d}" for n in range(size)]})
    if groups is not None:
        samples["group"] = groups
    writer = RunWriter.create(path, header, samples, None if weak is None else {"weak": weak})
    writer.commit({"wsl": {"optimised": 0.5}}, {"p_joint": whole})
    outputs = {Pass(): {"p_joint": whole}}
    singles = [(modality,) for modality in modalities]
    for draw in range(draws):
        for replaced in (*singles, modalities):
            rows = {m: _other_rows(size, draw, modalities.index(m), groups) for m in replaced}
            outputs[Pass("permuted", replaced, draw)] = _outputs(function, inputs, rows, recorded)
    for replaced in singles if swapped else ():
        rows = {replaced[0]: donors(weak, np.random.default_rng(0))}
        outputs[Pass("swapped", replaced)] = _outputs(swapped, inputs, rows, True)
    write_probe(path, "last", outputs)
    return Run(path)


def use_of(*runs):
    """What the outputs of runs of one setting depend on."""
    (setting,) = settings(Study(runs))
    return use(setting)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _other_rows(size, draw, modality, groups):
    return derangement(size, np.random.default_rng([draw, modality]), None if groups is None else np.array(groups))


def _outputs(function, inputs, rows, recorded):
    replaced = [values[rows[m]] if m in rows else values for m, values in inputs.items()]
    of_all = np.stack(list(rows.values()), axis=-1)
    known = {"donors": of_all if len(rows) > 1 else of_all[:, 0]} if recorded else {}
    return {"p_joint": function(*replaced)} | known


def _training(seed):
    return {
        "variant": "across_vcross",
        "smoothing": "ls_v",
        "seed": seed,
        "epochs": 1,
        "batch_size": 16,
        "learning_rate": 3e-4,
    }
