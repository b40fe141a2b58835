"""Saved outputs with modalities replaced become the probe of an imported run."""

from __future__ import annotations

import numpy as np
import pytest

import mbias
from mbias import Pass
from mbias.errors import BadInputError
from mbias.exchange.import_run import plan_import
from mbias.records.probes import read_probe
from mbias.records.validate import faults

FULL = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
DONORS = np.array([1, 2, 0])
IMAGE, TEXT, BOTH = (Pass("permuted", names) for names in (("image",), ("text",), ("image", "text")))


@pytest.fixture
def preds(tmp_path, monkeypatch):
    arrays = {"full": FULL, "no_image": FULL[DONORS], "again": FULL[[2, 0, 1]], "no_text": FULL / 2, "none": FULL * 0}
    donors = {"rows": DONORS, "pairs": np.stack([DONORS, DONORS[::-1]], axis=1)}
    wrong = {"logits": FULL * 9, "short": FULL[:2], "nan": FULL * np.nan, "halves": DONORS / 2, "far": DONORS + 1}
    np.savez(tmp_path / "preds.npz", **arrays, **donors, **wrong, names=np.array(["a"]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def imported(out="run", arrays=None, **options):
    return mbias.import_run("preds.npz", out, arrays={"p_joint": "full"} if arrays is None else arrays, **options)


def test_outputs_and_donors_become_a_probe(preds):
    keys = {
        IMAGE: ("no_image", "rows"),
        Pass("permuted", ("image",), 1): "again",
        TEXT: "no_text",
        BOTH: ("none", "pairs"),
    }
    run = imported(passes=keys)
    probe = read_probe(run)

    assert run.header.modalities == ("image", "text")
    assert probe.passes == (Pass(), *keys)
    for of_pass, expected in zip(probe.passes, (FULL, FULL[DONORS], FULL[[2, 0, 1]], FULL / 2, FULL * 0), strict=True):
        np.testing.assert_allclose(probe.values(of_pass, "p_joint"), expected, rtol=1e-6)
    assert probe.values(IMAGE, "donors").tolist() == DONORS.tolist()
    assert probe.values(BOTH, "donors").tolist() == [[1, 0], [2, 2], [0, 1]]
    assert faults(run.path) == []


def test_each_pass_may_be_a_file(preds):
    for name, values in (("full", FULL), ("without", FULL / 2)):
        np.save(preds / f"{name}.npy", values)
    run = mbias.import_run(
        ["full.npy", "without.npy"], "run", arrays={"p_joint": "full"}, passes={IMAGE: "without", TEXT: "without"}
    )
    np.testing.assert_allclose(read_probe(run).values(TEXT, "p_joint"), FULL / 2, rtol=1e-6)


def test_the_last_epoch_is_probed(preds):
    np.savez(preds / "epochs.npz", full=np.stack([FULL / 3, FULL]), off=FULL / 2)
    run = mbias.import_run(
        "epochs.npz",
        "run",
        arrays={"p_joint": "full"},
        axes={"p_joint": "epoch sample category"},
        passes={IMAGE: "off", TEXT: "off"},
    )
    probe = read_probe(run)
    assert probe.epoch == 2
    np.testing.assert_allclose(probe.values(Pass(), "p_joint"), FULL, rtol=1e-6)


def test_the_plan_says_what_is_there_and_what_is_missing(preds):
    def lines(passes, **options):
        plan = plan_import("preds.npz", arrays={"p_joint": "full"}, passes=passes, **options)
        return [line for line in plan.lines() if line.startswith(("pass", "note"))]

    assert lines({IMAGE: ("no_image", "rows"), TEXT: ("no_text", "rows"), BOTH: ("none", "pairs")}) == [
        "pass with image replaced by 'permuted': 1 draw, with donors",
        "pass with text replaced by 'permuted': 1 draw, with donors",
        "pass with image and text replaced by 'permuted': 1 draw, with donors",
    ]
    assert lines({Pass("off", ("image",)): "no_image", Pass("off", ("text",)): "no_text"})[2:] == [
        "note: a verdict rests on 'off' inputs, which the model may not know; permuted ones would be better",
        "note: no pass with image and text replaced by 'off', so changes and shares are known, not interaction and "
        "size",
    ]
    assert lines({IMAGE: "no_image"}, modalities=["image", "text", "depth"]) == [
        "pass with image replaced by 'permuted': 1 draw",
        "note: no pass with text replaced by 'permuted', so there is no verdict",
        "note: no pass with depth replaced by 'permuted', so there is no verdict",
    ]


def test_three_passes_have_a_verdict(preds):
    labels = np.arange(100) % 2
    np.savez(preds / "saved.npz", p_joint=labels * 0.9, truth_weak=labels, no_image=labels * 0.1, no_text=labels * 0.9)
    passes = {Pass("no input", (name,)): f"no_{name}" for name in ("image", "text")}
    run = mbias.import_run("saved.npz", "run", task="binary", passes=passes)
    row = mbias.diagnosis(run).loc[0]
    assert (row.verdict, row.stand_in) == ("uses image alone", "no input")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"passes": ["no_image"]}, "passes: .* is not a dict; give names in the files by mbias.Pass"),
        ({"passes": {"image": "no_image"}}, "passes: 'image' is not a Pass"),
        ({"passes": {Pass(): "full"}}, r"Pass\(\) replaces nothing; its outputs are the array p_joint"),
        ({"passes": {IMAGE: 3}}, "the pass with image replaced by 'permuted': 3 given; give the name"),
        ({"passes": {IMAGE: ("a", "b", "c")}}, "or a pair, its outputs and its donors"),
        (
            {"passes": {IMAGE: "imge", TEXT: "no_text"}},
            "no file holds an array of numbers .* 'imge'; they hold full, no_",
        ),
        ({"passes": {IMAGE: "names", TEXT: "no_text"}}, "no file holds an array of numbers with the name 'names'"),
        (
            {"passes": {IMAGE: "short", TEXT: "no_text"}},
            r"'short' has the shape \(2, 2\); .* sample x category, \(3, 2\)",
        ),
        (
            {"passes": {IMAGE: "logits", TEXT: "no_text"}},
            "'logits' holds 0.9 to 8.1, which are not probabilities; give",
        ),
        ({"passes": {IMAGE: "nan", TEXT: "no_text"}}, "array 'nan' holds NaN or infinity; give"),
        ({"passes": {IMAGE: "no_image"}}, "unknown modality 'image'; take audio, visual, or name the modalities"),
        (
            {"passes": {Pass("off", ("text", "image")): "none"}, "modalities": ["image", "text"]},
            "in the order image, text",
        ),
        (
            {"passes": {IMAGE: ("no_image", "pairs"), TEXT: "no_text"}},
            r"'pairs' of donors has the shape \(3, 2\); give",
        ),
        (
            {"passes": {IMAGE: ("no_image", "halves"), TEXT: "no_text"}},
            "holds something else than rows of samples; give 0",
        ),
        (
            {"passes": {IMAGE: ("no_image", "far"), TEXT: "no_text"}},
            "holds something else than rows of samples; give 0",
        ),
        (
            {"passes": {IMAGE: "no_image", TEXT: "no_text"}, "arrays": {"p": "full"}},
            "passes need the outputs with nothing",
        ),
        (
            {"passes": {IMAGE: "no_image", TEXT: "no_text"}, "arrays": {"p_joint": "logits"}},
            "array 'p_joint' holds 0.9 to",
        ),
        ({"passes": {IMAGE: "no_image", TEXT: "no_text"}, "task": "single"}, "task: 'single' given; take one of"),
        ({"fields": {"item": "id"}}, r"fields: only answer logs \(.jsonl\) have fields"),
    ],
)
def test_what_does_not_fit_leaves_nothing_behind(preds, options, message):
    with pytest.raises(BadInputError, match=message) as error:
        imported(**options, accept_guessed_axes=True)
    assert "\n" not in str(error.value)
    assert sorted(path.name for path in preds.iterdir()) == ["preds.npz"]


def test_a_pass_in_two_files_is_refused(preds):
    np.savez(preds / "more.npz", no_image=FULL)
    with pytest.raises(BadInputError, match="array 'no_image' is in 2 files; give one of them"):
        mbias.import_run(
            ["preds.npz", "more.npz"], "run", arrays={"p_joint": "full"}, passes={IMAGE: "no_image", TEXT: "no_text"}
        )
