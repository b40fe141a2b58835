"""LLP's F-scores are computed from arrays, files and runs."""

from __future__ import annotations

import numpy as np
import pytest

import mbias
from mbias.errors import BadInputError
from mbias.exchange.evaluation import read_predictions, read_thresholds
from mbias.llp.predictions import Predictions
from mbias.terms import CATEGORIES, Metric
from tests.drawn_runs import draw_run

VIDEOS = tuple(f"v{i:04d}" for i in range(8))


@pytest.fixture
def annotations(tmp_path):
    """Annotations in which speech is heard and seen in the first half of every video."""
    folder = tmp_path / "LLP"
    folder.mkdir()
    rows = [f"{video}\tSpeech" for video in VIDEOS]
    (folder / "AVVP_test_pd.csv").write_text("\n".join(["filename\tevent_labels", *rows]) + "\n")
    rows = [f"{video}\t0\t5\tSpeech" for video in VIDEOS]
    for modality in ("audio", "visual"):
        (folder / f"AVVP_eval_{modality}.csv").write_text(
            "\n".join(["filename\tonset\toffset\tevent_labels", *rows]) + "\n"
        )
    return folder


def probabilities(audio=0.9, visual=0.9):
    p = np.zeros((len(VIDEOS), 10, 2, 25))
    p[:, :5, 0, 0], p[:, :5, 1, 0] = audio, visual
    return p


def scores(evaluation, level="segment"):
    return evaluation.scores.set_index(["level", "metric"])["f_score"][level].to_dict()


def test_scores_have_one_row_per_level_and_metric(annotations):
    evaluation = mbias.evaluate(Predictions(probabilities() > 0.5, None, None, VIDEOS), annotations)
    assert list(evaluation.scores) == ["level", "metric", "f_score"]
    assert len(evaluation.scores) == 2 * len(Metric)
    assert set(evaluation.scores["f_score"]) == {1.0}
    assert evaluation.videos == len(VIDEOS)
    assert evaluation.rule.startswith("events as given")


def test_the_rule_decides_which_events_count(annotations):
    joint = np.zeros((len(VIDEOS), 25))
    joint[:, 0] = 0.6
    modality = np.zeros((len(VIDEOS), 2, 25))
    modality[:, 0, 0] = 0.6
    predictions = Predictions(probabilities(), joint, modality, VIDEOS)
    original = mbias.evaluate(predictions, annotations)
    assert scores(original)["audio_visual"] == 1
    assert scores(mbias.evaluate(predictions, annotations, video_threshold=0.7))["audio"] == 0
    per_modality = scores(mbias.evaluate(predictions, annotations, rule="per_modality"))
    assert (per_modality["audio"], per_modality["visual"]) == (1, 0)
    assert scores(mbias.evaluate(predictions, annotations, rule="segments", threshold=0.95))["audio"] == 0
    assert original.rule.startswith("original: P >= 0.5")


def test_thresholds_per_category_from_numbers_or_a_file(annotations, tmp_path):
    predictions = Predictions(probabilities(audio=0.4), None, None, VIDEOS)
    thresholds = [0.3 if category == "Speech" else 0.9 for category in CATEGORIES]
    rows = [f"{category},{threshold}" for category, threshold in zip(CATEGORIES, thresholds, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["category,threshold", *reversed(rows)]))
    for given in (thresholds, tmp_path / "t.csv", str(tmp_path / "t.csv")):
        evaluation = mbias.evaluate(predictions, annotations, rule="segments", thresholds=given)
        assert scores(evaluation)["audio"] == 1
        assert "0.3 to 0.9" in evaluation.rule
    assert scores(mbias.evaluate(predictions, annotations, rule="segments"))["audio"] == 0


def test_files_name_their_videos_or_have_the_order_of_the_split(annotations, tmp_path):
    events = probabilities() > 0.5
    events[0] = False
    np.save(tmp_path / "p.npy", events)
    np.savez(tmp_path / "p.npz", p=events[::-1], videos=np.array(VIDEOS[::-1]))
    first, second = (mbias.evaluate(tmp_path / name, str(annotations)) for name in ("p.npy", "p.npz"))
    assert scores(first) == scores(second)
    assert scores(first)["audio"] == pytest.approx(7 / 8)


def test_a_netcdf_file_names_its_videos_by_a_coordinate(tmp_path):
    xarray = pytest.importorskip("xarray")
    for needed in ("h5py", "h5netcdf"):
        pytest.importorskip(needed)
    p = xarray.DataArray(probabilities(), {"video": list(VIDEOS)}, ("video", "segment", "modality", "category"))
    xarray.Dataset({"p": p}).to_netcdf(tmp_path / "p.nc", engine="h5netcdf")
    assert read_predictions(tmp_path / "p.nc", ("other",)).videos == VIDEOS


def test_a_run_is_scored_at_its_best_epoch(annotations, tmp_path):
    path = draw_run(tmp_path / "run", categories=25)
    run = mbias.Run(path)
    expected = scores(mbias.evaluate(run, annotations))
    assert expected == scores(mbias.evaluate(path, annotations))
    arrays = {"p": run.values("p", "best"), "p_joint": run.values("p_joint", "best")}
    np.savez(tmp_path / "p.npz", videos=np.array(VIDEOS), **arrays)
    assert expected == scores(mbias.evaluate(tmp_path / "p.npz", annotations))


def test_modality_probabilities_follow_from_temporal_attention(tmp_path):
    """Eq. 4 and 5."""
    wtp = np.full((8, 10, 2, 25), 0.1)
    np.savez(tmp_path / "p.npz", p=probabilities(audio=0.8, visual=0.4), wtp=wtp)
    modality = read_predictions(tmp_path / "p.npz", VIDEOS).modality
    np.testing.assert_allclose(modality[:, :, 0], [[0.4, 0.2]] * 8)


def test_p_wsl_above_one_is_accepted_because_modalities_may_attend_to_different_segments(tmp_path):
    # Eq. 3 with two segments. Each modality has all its attention and probability 1 in a different segment: 1 + 1.
    wtp = wav = np.array([[[[1.0], [0.0]], [[0.0], [1.0]]]])
    assert (wtp * wav * np.ones_like(wtp)).sum(axis=(1, 2)) == 2

    np.savez(tmp_path / "p.npz", p=np.zeros((1, 10, 2, 25)), p_joint=np.full((1, 25), 2.0))
    assert read_predictions(tmp_path / "p.npz", ("v1",)).joint.max() == 2
    np.savez(tmp_path / "p.npz", p=np.zeros((1, 10, 2, 25)), p_joint=np.full((1, 25), 2.5))
    with pytest.raises(BadInputError, match="'p_joint' holds values outside of 0 to 2"):
        read_predictions(tmp_path / "p.npz", ("v1",))


def test_repr_names_the_scores_and_the_rule(annotations):
    evaluation = mbias.evaluate(Predictions(probabilities(), None, None, VIDEOS), annotations, rule="segments")
    assert repr(evaluation) == (
        "<Evaluation: 8 videos; type_average 1.000 (segment), 1.000 (event); "
        "rule segments: P >= 0.5, no video-level condition>"
    )


def test_a_file_without_the_probabilities_that_the_rule_needs_is_named(annotations, tmp_path):
    np.save(tmp_path / "p.npy", probabilities())
    with pytest.raises(BadInputError, match=r"p\.npy: the rule needs p_joint .* lack; add it"):
        mbias.evaluate(tmp_path / "p.npy", annotations)


def test_text_is_no_prediction(annotations, tmp_path):
    np.savez(tmp_path / "p.npz", p=np.full((8, 10, 2, 25), "a"))
    with pytest.raises(BadInputError, match=r"p\.npz: 'p' is not an array of numbers; give"):
        mbias.evaluate(tmp_path / "p.npz", annotations)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "train"}, "split 'train' has no dense labels; choose from val, test"),
        ({"rule": "other"}, "there is no rule 'other'; choose from original, per_modality, segments"),
        ({"thresholds": [0.5, 0.5], "rule": "segments"}, "2 thresholds for 25 categories"),
        ({"rule": "original"}, "predictions: the rule needs p_joint"),
        ({"split": ["test"]}, "split .* has no dense labels; choose from"),
        ({"rule": ["original"]}, "there is no rule .*; choose from"),
        *(
            ({option: value}, f"{option}: .* is not a threshold; give a number from 0 to 1")
            for option in ("threshold", "video_threshold")
            for value in ("0.5", None, True, [0.5], 1.5, -0.1, float("nan"))
        ),
        ({"thresholds": 0.5}, "thresholds: 0.5 is not a sequence; give"),
        ({"thresholds": np.array(0.5)}, r"thresholds: array\(0.5\) is not a sequence; give"),
        ({"thresholds": {"Speech": 0.5}}, "thresholds: .* is not a sequence; give"),
        ({"thresholds": [0.5] * 24 + ["x"]}, r"thresholds\[24\]: 'x' is not a threshold; give"),
        ({"thresholds": np.full(25, 2.0)}, r"thresholds\[0\]: 2.0 is not a threshold; give"),
        ({"thresholds": ""}, "'' is not a path of thresholds; give"),
        ({"predictions": None}, "None is not a path of predictions; give"),
        ({"annotations": None}, "None is not a path of annotations; give"),
        ({"predictions": Predictions(None, None, None, VIDEOS)}, "predictions: 'p' is not an array of numbers; give"),
        ({"predictions": Predictions(probabilities(), None, None, None)}, "predictions: videos: None is not"),
        (
            {"predictions": Predictions(np.zeros((1, 10, 2, 24)), None, None, ("v0000",))},
            r"'p' has shape \(1, 10, 2, 24",
        ),
        (
            {"predictions": Predictions(probabilities(), None, None, (*VIDEOS[:-1], "x")), "rule": "segments"},
            "none for v0007",
        ),
        ({"predictions": "missing.npz"}, "there is no such file"),
        ({"annotations": "missing"}, "there is no such"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(annotations, options, message):
    arguments = {"predictions": Predictions(probabilities(), None, None, VIDEOS), "annotations": annotations, **options}
    with pytest.raises(BadInputError, match=message) as error:
        mbias.evaluate(**arguments)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([f"{category},0.5" for category in CATEGORIES[1:]], "must occur once; check 'Speech'"),
        ([f"{category},0.5" for category in (*CATEGORIES, "Speech")], "must occur once; check 'a category that is"),
        ([f"{category},x" for category in CATEGORIES], "not a readable table"),
        ([], "must occur once"),
        ([f"{category},1.5" for category in CATEGORIES], r"t\.csv: Speech: 1.5 is not a threshold; give a number"),
        ([f"{category},nan" for category in CATEGORIES], r"t\.csv: Speech: nan is not a threshold; give a number"),
    ],
)
def test_incomplete_thresholds_are_refused(tmp_path, rows, message):
    (tmp_path / "t.csv").write_text("\n".join(["category,threshold", *rows]))
    with pytest.raises(BadInputError, match=message):
        read_thresholds(tmp_path / "t.csv")
