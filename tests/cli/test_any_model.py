"""Every question about the record of any model prints a table, or says in one line why it does not apply."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from mbias import Run
from mbias.analysis import mechanism
from mbias.analysis.questions import question
from mbias.analysis.reliance import measures
from mbias.cli import analyze
from mbias.passes import WHOLE, Pass
from mbias.records.header import Header
from mbias.records.probes import write_probe
from mbias.records.study import open_study
from mbias.records.writer import RunWriter

SIZES = {"sample": 60, "segment": 4, "head": 3}
SEGMENTED = ("sample", "segment", "modality", "category")
HAN = {"wav": SEGMENTED, "wtp": SEGMENTED, "p": SEGMENTED, "p_joint": ("sample", "category")}
FLAT = dict.fromkeys(("wav", "p"), ("sample", "modality", "category")) | {"p_joint": ("sample", "category")}

LOSSES = {"losses coincidence", "losses curves"}
ATTENTION = {"attention shares", "attention categories", "attention movement"}
PROBED = {f"{name} {table}" for name in ("reliance", "diagnosis") for table in question(name).table_names} | {"compare"}
CATEGORIES = {"reliance categories", "diagnosis categories"}
"""The tables that need 20 labelled samples of a category."""
USE = (
    CATEGORIES
    | {"diagnosis verdicts", "compare"}
    | {f"reliance {table}" for table in ("use", "shapley", "interactions", "confusion")}
)
"""The tables that need only outputs with permuted inputs, and labels at most, of any number of modalities."""
MECHANISM = {"mechanism optima", "mechanism fitted"}
POOLED = {"attention contributions"}
RESIDUALS = {"losses residuals"}
ALL = LOSSES | ATTENTION | PROBED | MECHANISM | POOLED | RESIDUALS
"""The tables that a record of any model may have. Other tables need several seeds, or scores by variant."""


def draw(
    path,
    modalities=("audio", "visual"),
    categories=("Speech", "犬", "قط"),
    arrays=HAN,
    truth=("weak", "dense"),
    losses=True,
    **sizes,
):
    """Write a run of random arrays without PyTorch. It has a probe if ``p_joint`` is among the arrays."""
    rng = np.random.default_rng(0)
    sizes = SIZES | {"modality": len(modalities), "category": len(categories)} | sizes
    samples = sizes["sample"]
    weak = rng.random((samples, len(categories))) < 0.6
    dense = {m: weak[:, None] & (rng.random((samples, sizes["segment"], len(categories))) < 0.6) for m in modalities}
    given = ({"weak": weak} if "weak" in truth else {}) | (dense if "dense" in truth else {})
    names = (*modalities, "joint") if losses else ("joint",)
    header = Header(modalities, categories, names, "joint", "test", arrays)
    rows = pd.DataFrame({"sample": [f"s{i}" for i in range(samples)]})
    writer = RunWriter.create(path, header, rows, given)
    for epoch in (1, 2):
        values = {name: _drawn(rng, name, axes, sizes) for name, axes in arrays.items()}
        if arrays in (HAN, FLAT):
            pooled = values["wav"] * values["p"] * values.get("wtp", 1)
            values["p_joint"] = pooled.sum(axis=tuple(range(1, pooled.ndim - 1)))
        writer.commit({name: {"optimised": index + 1 / epoch} for index, name in enumerate(names) if losses}, values)
    if "p_joint" in arrays:
        _probe(rng, Run(path), weak, values.get("p") if arrays.get("p") == SEGMENTED else None)
    return path


def _drawn(rng, name, axes, sizes):
    # Small values, so that sums of products are probabilities.
    values = rng.uniform(0.1, 0.3, [sizes[axis] for axis in axes])
    along = {"wav": "modality", "wtp": "segment"}.get(name)
    return values / values.sum(axis=axes.index(along), keepdims=True) if along in axes else values


def _probe(rng, run, weak, p):
    modalities = run.header.modalities
    sets = [names for k in range(1, len(modalities) + 1) for names in itertools.combinations(modalities, k)]
    outputs = {}
    for run_pass in (WHOLE, *(Pass(baseline, names) for baseline in ("mean", "permuted") for names in sets)):
        kept = max(0.9 - 0.3 * len(run_pass.replaced), 0)
        outputs[run_pass] = {"p_joint": weak * kept + rng.uniform(0, 0.1, weak.shape)}
        if p is not None:
            outputs[run_pass]["p"] = p
    write_probe(run, "last", outputs)


def printed_tables(path, capsys):
    """Return the tables that are printed. All others must be refused in one line."""
    capsys.readouterr()
    tables = set()
    for name in sorted(ALL):
        asked, *table = name.split()
        code = analyze.main([asked, str(path), *(["--table", *table] if table else [str(path)])])
        printed = capsys.readouterr()
        if code == 0:
            tables.add(name)
            assert printed.out.strip(), name
        else:
            assert (code, printed.out, printed.err.count("\n")) == (2, "", 1), f"{name}: {printed.err}"
    return tables


THREE = ("audio", "visual", "text")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, ALL, id="two modalities"),
        pytest.param({"modalities": ("視覚", "text")}, ALL - {"mechanism fitted"}, id="other modalities"),
        pytest.param(
            {"modalities": THREE},
            LOSSES | ATTENTION | POOLED | RESIDUALS | USE | {"mechanism optima"},
            id="three modalities",
        ),
        pytest.param({"arrays": FLAT, "truth": ("weak",)}, ALL - RESIDUALS, id="no segments"),
        pytest.param(
            {"arrays": FLAT, "truth": ("weak",), "modalities": (*THREE, "depth")},
            LOSSES | ATTENTION | POOLED | USE | {"mechanism optima"},
            id="four modalities without segments",
        ),
        pytest.param({"sample": 15}, ALL - CATEGORIES, id="few samples"),
        pytest.param({"segment": 1}, ALL, id="one segment"),
        pytest.param({"categories": ("only",)}, ALL, id="one category"),
        pytest.param({"losses": False}, ALL - LOSSES, id="no losses"),
        pytest.param(
            {"truth": ()},
            LOSSES | ATTENTION | POOLED | RESIDUALS | USE - {"reliance confusion"} | {"mechanism fitted"},
            id="no truth",
        ),
        pytest.param(
            {"arrays": {"wav": ("sample", "head", "modality"), "p_joint": ("sample", "category")}},
            LOSSES | ATTENTION | PROBED | {"mechanism fitted"},
            id="heads, no categories",
        ),
        pytest.param(
            {"arrays": {**HAN, "wav": ("sample", "category", "modality", "segment")}},
            ALL - POOLED,
            id="another order",
        ),
        pytest.param(
            {"arrays": {**HAN, "p": ("sample", "segment", "category"), "wtp": ("sample", "segment")}},
            LOSSES | ATTENTION | PROBED | {"mechanism fitted"},
            id="p without modalities",
        ),
        pytest.param(
            {"arrays": {**HAN, "p_joint": ("sample",)}}, ALL - RESIDUALS - POOLED, id="p_joint without categories"
        ),
        pytest.param({"arrays": {}}, LOSSES | {"mechanism fitted"}, id="losses alone"),
    ],
)
def test_every_question_answers_or_says_why_not(tmp_path, capsys, options, expected):
    assert printed_tables(draw(tmp_path / "run", **options), capsys) == expected


def test_a_thousand_categories(tmp_path, capsys):
    path = draw(tmp_path / "run", categories=tuple(f"c{i}" for i in range(1000)), sample=30, segment=2)
    for name in ("losses", "attention", "mechanism"):
        assert analyze.main([name, str(path), "--table", question(name).table_names[0]]) == 0


def test_without_segments_the_measures_use_the_arrays_themselves(tmp_path):
    """The contribution of a sample is W_av P, its branch score is P, and the optimum of L_wsl follows from these."""
    path = draw(tmp_path / "run", arrays=FLAT, truth=("weak",))
    run = Run(path)
    weak, p, wav = run.truth["weak"], run.values("p"), run.values("wav")
    table = measures(open_study(path)).set_index(["kind", "modality"])["value"]
    # Every category has the same weight. Its mean is over the samples that have it.
    expected = np.mean([p[weak[:, c], 0, c].mean() for c in range(3)])
    assert table["branch score", "audio"] == pytest.approx(expected, rel=1e-6)
    share = wav * p / (wav * p).sum(axis=1, keepdims=True)
    expected = np.mean([share[weak[:, c], 1, c].mean() for c in range(3)])
    assert table["contribution", "visual"] == pytest.approx(expected, rel=1e-6)
    trained = mechanism.optima(open_study(path))["trained"]
    np.testing.assert_allclose(trained, wav[:, 0].mean(axis=0), rtol=1e-6)
