"""`mbias evaluate` on the real annotations."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest

from mbias.cli import evaluate
from mbias.cli.common import run
from mbias.llp.annotations import WEAK_FILES, read_weak, weak_array
from mbias.scores.rules import RULES
from mbias.terms import CATEGORIES, Split

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "llp"
needs_annotations = pytest.mark.skipif(not SHARED.is_dir(), reason="the published LLP annotations are not available")


def run_evaluate(capsys, *arguments):
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
def test_a_table_shows_percentages_and_the_rule(tmp_path, capsys, weak):
    np.savez(tmp_path / "p.npz", p=np.zeros((len(weak), 10, 2, 25), bool))
    code, out, _ = run_evaluate(capsys, tmp_path / "p.npz", "--annotations", SHARED)
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == ["F-score,", "%", "Audio", "Visual", "Audio-visual", "Type@AV", "Event@AV", "Ao", "Vo"]
    assert lines[1].split()[:4] == ["segment", "0.50", "10.08", "14.50"]
    assert lines[-1].startswith("1,200 videos of test; rule events as given")


def test_annotations_and_features_are_asked_for(tmp_path, capsys):
    code, _, err = run_evaluate(capsys, tmp_path / "p.npz")
    assert code == 2
    assert "--annotations DIR" in err
    code, _, err = run_evaluate(capsys, "--checkpoint", tmp_path / "a.pt", "--annotations", tmp_path)
    assert code == 2
    assert "--data DIR" in err


@needs_annotations
@pytest.mark.parametrize("kind", [bool, np.float32])
def test_no_events_score_as_in_the_original_evaluation(tmp_path, capsys, weak, kind):
    np.savez(tmp_path / "p.npz", p=np.zeros((len(weak), 10, 2, 25), kind), p_joint=np.zeros(weak.shape, np.float32))
    code, out, _ = run_evaluate(capsys, tmp_path / "p.npz", "--annotations", SHARED, "--format", "json")
    assert code == 0
    assert percent(out) == [0.5, 10.08, 14.5]


@needs_annotations
def test_every_rule_gives_the_same_score_for_weak_labels_in_all_segments(tmp_path, capsys, weak):
    """No rule changes probabilities of 1, and videos may be in any order if they are named."""
    everywhere = np.broadcast_to(weak[:, None, None], (len(weak), 10, 2, 25))
    np.savez(tmp_path / "events.npz", p=everywhere)
    expected = run_evaluate(capsys, tmp_path / "events.npz", "--annotations", SHARED, "--format", "json")[1]
    order = np.random.default_rng(0).permutation(len(weak))
    names = np.array([row.video for row in read_weak(SHARED / WEAK_FILES[Split.TEST])])
    arrays = {"p": everywhere, "p_joint": weak, "p_modality": np.repeat(weak[:, None], 2, axis=1)}
    np.savez(tmp_path / "p.npz", videos=names[order], **{k: a[order].astype(np.float32) for k, a in arrays.items()})
    for rule in RULES:
        arguments = (tmp_path / "p.npz", "--annotations", SHARED, "--rule", rule, "--format", "json")
        result = json.loads(run_evaluate(capsys, *arguments)[1])
        assert result["scores"] == json.loads(expected)["scores"]
        assert result["rule"].startswith(f"{rule}: P >= 0.5")
    assert percent(expected)[0] > 70


@needs_annotations
def test_published_scores_are_set_beside_those_of_the_predictions(tmp_path, capsys, monkeypatch, weak):
    np.savez(tmp_path / "p.npz", p=np.broadcast_to(weak[:, None, None], (len(weak), 10, 2, 25)))
    arguments = (tmp_path / "p.npz", "--annotations", SHARED, "--published")
    monkeypatch.setenv("COLUMNS", "120")
    lines = run_evaluate(capsys, *arguments)[1].splitlines()
    han = next(line for line in lines if "HAN (ECCV 2020)" in line)
    assert han.split()[3:] == ["60.1", "52.9", "48.9", "54.0", "55.4", "33.1†", "50.7†"]

    content = json.loads(run_evaluate(capsys, *arguments, "--format", "json")[1])
    of_level = [row for row in content["published"] if row["level"] == "event"]
    mine, baseline = (
        {row["metric"]: row["f_score"] for row in of_level if row["model"] == name}
        for name in ("these predictions", "weak labels in all segments")
    )
    assert mine == baseline == {metric: 100 * score for metric, score in content["scores"]["event"].items()}


@needs_annotations
def test_published_scores_are_of_the_test_split(tmp_path, capsys):
    code, _, err = run_evaluate(capsys, tmp_path / "p.npz", "--annotations", SHARED, "--published", "--split", "val")
    assert code == 2
    assert "the published scores are of the split test; val given" in err


@needs_annotations
def test_thresholds_per_category(tmp_path, capsys, weak):
    p = np.full((len(weak), 10, 2, 25), 0.3, np.float32)
    np.savez(tmp_path / "p.npz", p=p)
    rows = [f"{c},{0.9 if c != 'Speech' else 0.3}" for c in CATEGORIES]
    (tmp_path / "t.csv").write_text("\n".join(["category,threshold", *rows]))
    common = (tmp_path / "p.npz", "--annotations", SHARED, "--rule", "segments", "--format", "json")
    by_file = run_evaluate(capsys, *common, "--thresholds", tmp_path / "t.csv")[1]
    speech = np.zeros((len(weak), 10, 2, 25), bool)
    speech[..., CATEGORIES.index("Speech")] = True
    np.savez(tmp_path / "speech.npz", p=speech)
    by_hand = run_evaluate(capsys, tmp_path / "speech.npz", "--annotations", SHARED, "--format", "json")[1]
    assert json.loads(by_file)["scores"] == json.loads(by_hand)["scores"]
    assert "0.3 to 0.9, one per category" in json.loads(by_file)["rule"]


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
def test_predictions_of_another_shape_or_range_are_refused(tmp_path, capsys, arrays, message):
    np.savez(tmp_path / "p.npz", **arrays)
    code, out, err = run_evaluate(capsys, tmp_path / "p.npz", "--annotations", SHARED)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
