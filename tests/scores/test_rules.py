"""Rules by hand, and `mbias evaluate` on the real annotations."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest

from mbias.cli import evaluate
from mbias.cli.common import run
from mbias.errors import BadInputError
from mbias.exchange.evaluation import read_predictions
from mbias.llp.annotations import WEAK_FILES, read_weak, weak_array
from mbias.scores.rules import RULES, Filter, Rule
from mbias.terms import CATEGORIES, Split

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "llp"
needs_annotations = pytest.mark.skipif(not SHARED.is_dir(), reason=f"LLP's annotations are not at {SHARED}")


def test_rules_by_hand():
    p = np.array([0.5, 0.49, 0.9, 0.2]).reshape(1, 2, 2, 1)
    joint, modality = np.array([[0.5]]), np.array([0.4, 0.6]).reshape(1, 2, 1)
    assert RULES["original"].events(p, joint).ravel().tolist() == [True, False, True, False]
    assert not RULES["original"].events(p, joint - 0.01).any()
    assert RULES["per_modality"].events(p, modality=modality).ravel().tolist() == [False, False, False, False]
    assert Rule(Filter.MODALITY, 0.4, 0.4).events(p, modality=modality).ravel().tolist() == [True, True, True, False]
    assert RULES["segments"].events(p).ravel().tolist() == [True, False, True, False]
    two = np.repeat(p, 2, axis=-1)
    assert Rule(Filter.NONE, (0.1, 0.95)).events(two)[..., 0].all()
    assert not Rule(Filter.NONE, (0.1, 0.95)).events(two)[..., 1].any()


def test_a_rule_says_what_it_needs_and_is():
    p = np.zeros((1, 1, 2, 1))
    with pytest.raises(BadInputError, match="p_joint"):
        RULES["original"].events(p)
    with pytest.raises(BadInputError, match="p_modality"):
        RULES["per_modality"].events(p)
    with pytest.raises(BadInputError, match="2 thresholds for 1 categories"):
        Rule(Filter.NONE, (0.1, 0.2)).events(p)
    with pytest.raises(BadInputError, match="outside of 0 to 1"):
        Rule(Filter.NONE, 1.5)
    assert str(RULES["original"]) == "P >= 0.5 where p_wsl >= 0.5 (the video's, for both modalities)"


def evaluate_(capsys, *arguments):
    parser = argparse.ArgumentParser("mbias")
    evaluate.add_commands(parser.add_subparsers())
    code = run(parser, ["evaluate", *map(str, arguments)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def percent(out):
    scores = json.loads(out)["scores"]
    return [round(100 * scores["segment"][metric], 2) for metric in ("audio", "visual", "audio_visual")]


@pytest.fixture(scope="module")
def weak():
    return weak_array(read_weak(SHARED / WEAK_FILES[Split.TEST])) if SHARED.is_dir() else np.zeros((0, 25), bool)


@needs_annotations
@pytest.mark.parametrize("kind", [bool, np.float32])
def test_nothing_scores_what_it_does_in_the_original(tmp_path, capsys, weak, kind):
    np.savez(tmp_path / "p.npz", p=np.zeros((len(weak), 10, 2, 25), kind), p_joint=np.zeros(weak.shape, np.float32))
    code, out, _ = evaluate_(capsys, tmp_path / "p.npz", "--annotations", SHARED, "--format", "json")
    assert code == 0
    assert percent(out) == [0.5, 10.08, 14.5]


@needs_annotations
def test_weak_labels_everywhere_by_every_rule(tmp_path, capsys, weak):
    """Probabilities of 1 are no rule's to change; videos may come in any order, by name."""
    everywhere = np.broadcast_to(weak[:, None, None], (len(weak), 10, 2, 25))
    np.savez(tmp_path / "events.npz", p=everywhere)
    expected = evaluate_(capsys, tmp_path / "events.npz", "--annotations", SHARED, "--format", "json")[1]
    order = np.random.default_rng(0).permutation(len(weak))
    names = np.array([row.video for row in read_weak(SHARED / WEAK_FILES[Split.TEST])])
    arrays = {"p": everywhere, "p_joint": weak, "p_modality": np.repeat(weak[:, None], 2, axis=1)}
    np.savez(tmp_path / "p.npz", videos=names[order], **{k: a[order].astype(np.float32) for k, a in arrays.items()})
    for rule in RULES:
        arguments = (tmp_path / "p.npz", "--annotations", SHARED, "--rule", rule, "--format", "json")
        found = json.loads(evaluate_(capsys, *arguments)[1])
        assert found["scores"] == json.loads(expected)["scores"]
        assert found["rule"].startswith(f"{rule}: P >= 0.5")
    assert percent(expected)[0] > 70


@needs_annotations
def test_thresholds_by_category(tmp_path, capsys, weak):
    p = np.full((len(weak), 10, 2, 25), 0.3, np.float32)
    np.savez(tmp_path / "p.npz", p=p)
    rows = [f"{c},{0.9 if c != 'Speech' else 0.3}" for c in CATEGORIES]
    (tmp_path / "t.csv").write_text("\n".join(["category,threshold", *rows]))
    common = (tmp_path / "p.npz", "--annotations", SHARED, "--rule", "segments", "--format", "json")
    by_file = evaluate_(capsys, *common, "--thresholds", tmp_path / "t.csv")[1]
    speech = np.zeros((len(weak), 10, 2, 25), bool)
    speech[..., CATEGORIES.index("Speech")] = True
    np.savez(tmp_path / "speech.npz", p=speech)
    by_hand = evaluate_(capsys, tmp_path / "speech.npz", "--annotations", SHARED, "--format", "json")[1]
    assert json.loads(by_file)["scores"] == json.loads(by_hand)["scores"]
    assert "0.3 to 0.9, one a category" in json.loads(by_file)["rule"]


def test_p_wsl_is_above_one_where_modalities_attend_to_different_segments(tmp_path):
    # Eq. 3 with two segments, each modality sure of one of them alone, and attended to there: 1 + 1.
    wtp = wav = np.array([[[[1.0], [0.0]], [[0.0], [1.0]]]])
    assert (wtp * wav * np.ones_like(wtp)).sum(axis=(1, 2)) == 2

    for joint, fits in ((2.0, True), (2.5, False)):
        np.savez(tmp_path / "p.npz", p=np.zeros((1, 10, 2, 25)), p_joint=np.full((1, 25), joint))
        if fits:
            assert read_predictions(tmp_path / "p.npz", ("one",)).joint.max() == joint
        else:
            with pytest.raises(BadInputError, match="'p_joint' holds values outside of 0 to 2"):
                read_predictions(tmp_path / "p.npz", ("one",))


@needs_annotations
@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"q": np.zeros(3)}, "holds no array 'p', but q"),
        ({"p": np.zeros((1200, 10, 2, 24))}, "not (1200, 10, 2, 25)"),
        ({"p": np.full((1200, 10, 2, 25), 1.5)}, "outside of 0 to 1"),
        ({"p": np.full((1200, 10, 2, 25), np.nan)}, "outside of 0 to 1"),
        ({"p": np.zeros((1, 10, 2, 25), bool), "videos": np.array(["x"])}, "none for"),
        ({"p": np.zeros((1200, 10, 2, 25))}, "the rule needs p_joint"),
    ],
)
def test_predictions_that_do_not_fit(tmp_path, capsys, arrays, message):
    np.savez(tmp_path / "p.npz", **arrays)
    code, out, err = evaluate_(capsys, tmp_path / "p.npz", "--annotations", SHARED)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
