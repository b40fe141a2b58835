from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mbias import Run, RunWriter, open_study
from mbias.analysis.video import finding, missing, roll, strips, worst
from mbias.errors import BadInputError, NotApplicableError
from mbias.records.header import Header
from tests.drawn_runs import draw_run
from tests.other_models import record_other

CELLS = ("video", "segment", "modality", "category")
"""Two categories in three segments, two videos; the second video has nothing in it."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of a video whose audio is found and whose visual event is missed in two of three segments."""
    path = tmp_path_factory.mktemp("runs") / "two"
    truth = {name: np.zeros((2, 3, 2), dtype=bool) for name in ("audio", "visual")}
    truth["audio"][0, :2, 0] = True
    truth["visual"][0, :, 0] = True
    header = Header(
        modalities=("audio", "visual"),
        categories=("Dog", "Cat"),
        losses=("wsl",),
        joint_loss="wsl",
        split="test",
        arrays={"wav": CELLS, "wtp": CELLS, "p": CELLS, "p_joint": ("video", "category")},
        sample="video",
        simulated=True,
    )
    writer = RunWriter.create(path, header, pd.DataFrame({"video": ["-first", "-second"]}), truth)
    wav = np.full((2, 3, 2, 2), 0.5, dtype=np.float32)
    wav[0, :, 0, 0] = [0.9, 0.8, 0.7]
    wav[0, :, 1, 0] = [0.1, 0.2, 0.3]
    p = np.zeros((2, 3, 2, 2), dtype=np.float32)
    p[0, :2, 0, 0] = 0.5  # reached at equality
    p[0, 0, 1, 0] = 0.9
    p[0, :, :, 1] = 1  # a category that p_wsl leaves out
    joint = np.array([[0.6, 0.4], [0.1, 0.1]], dtype=np.float32)
    arrays = {"wav": wav, "wtp": np.full_like(p, 1 / 3), "p": p, "p_joint": joint}
    writer.commit({"wsl": {"optimised": 1.0}}, {"wav": wav})
    writer.commit({"wsl": {"optimised": 0.5}}, arrays, best=True)
    return Run(path)


def test_the_roll_has_what_is_there_and_what_is_predicted(run):
    table = roll(run, "-first")
    lanes = dict(iter(table.groupby(["category", "modality"])))

    assert set(lanes) == {("Dog", "audio"), ("Dog", "visual")}
    assert lanes["Dog", "audio"]["truth"].tolist() == [True, True, False]
    assert lanes["Dog", "audio"]["predicted"].tolist() == [True, True, False]
    assert lanes["Dog", "visual"]["predicted"].tolist() == [True, False, False]
    assert lanes["Dog", "visual"]["attention"].tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert table["segment"].tolist() == [0, 1, 2] * 2
    assert table["p_joint"].tolist() == pytest.approx([0.6] * 6)


def test_a_video_with_nothing_has_all_categories_and_one_may_be_asked_for(run):
    assert set(roll(run, "-second")["category"]) == {"Dog", "Cat"}
    assert set(roll(run, "first", category="Cat")["category"]) == {"Dog", "Cat"}


def test_what_an_epoch_lacks_is_unknown_and_said(run):
    table = roll(run, "-first", 1)

    assert missing(run, "best") == ""
    assert missing(run, 1) == "epoch 1 holds no predictions and no W_tp; epoch 2 does"
    assert table[["predicted", "p", "temporal", "p_joint"]].isna().all(axis=None)
    assert table["attention"].notna().all()
    assert strips(table)["predicted"].tolist() == ["", ""]


def test_lost_is_the_attention_elsewhere_where_events_are_missed(run):
    table = worst(open_study(run.path))

    assert table["sample"].tolist() == ["-first", "-second"]
    first = table.iloc[0]
    assert (first["toward"], first["missed"], first["events"], first["categories"]) == ("audio", 2, 3, "Dog")
    assert first["lost"] == pytest.approx(0.8 + 0.7)
    assert first["attention"] == pytest.approx(0.75)
    assert table["lost"].iloc[1] == 0


def test_lost_by_its_definition(tmp_path):
    run = Run(draw_run(tmp_path / "run", videos=6))
    wav, p, joint = (run.values(name) for name in ("wav", "p", "p_joint"))
    table = worst(open_study(run.path), 6).set_index("sample")
    favoured, other = (0, 1) if wav[:, :, 0].mean() > wav[:, :, 1].mean() else (1, 0)
    for n, name in enumerate(run.samples["video"]):
        lost = 0.0
        for t in range(p.shape[1]):
            for c in range(p.shape[3]):
                detected = p[n, t, other, c] >= 0.5 and joint[n, c] >= 0.5
                if run.truth[run.header.modalities[other]][n, t, c] and not detected:
                    lost += wav[n, t, favoured, c]
        assert table.loc[name, "lost"] == pytest.approx(lost)
    assert table["lost"].is_monotonic_decreasing


def test_finding_and_strips_say_it_in_text(run):
    table = roll(run, "-first")
    shown = strips(table).set_index("modality")

    assert finding(table) == [
        "Dog, audio: events in 2 of 3 segments, 2 of them predicted; W_av on audio is 0.85 there.",
        "Dog, visual: events in 3 of 3 segments, 1 of them predicted; W_av on visual is 0.20 there.",
    ]
    assert shown.loc["audio", ["truth", "predicted", "W_av"]].tolist() == ["■■·", "■■·", "█▇▆"]


@pytest.mark.parametrize(
    ("sample", "message"),
    [("", "no sample ''"), ("ir", "take -first"), ("-frst", "take -first"), ("-", "2 samples have '-' in their names")],
)
def test_a_sample_is_found_by_its_name_or_a_part(run, sample, message):
    if sample == "ir":
        assert set(roll(run, sample)["sample"]) == {"-first"}
        return
    with pytest.raises(BadInputError, match=message):
        roll(run, sample)


def test_other_models(tmp_path):
    heads = Run(draw_run(tmp_path / "external", external=True, modalities=("audio", "visual", "text")))
    table = roll(heads, "v0000")

    assert list(dict.fromkeys(table["modality"])) == ["audio", "visual", "text"]
    assert len(set(worst(open_study(heads.path), 3)["toward"])) == 1


def test_without_attention_the_first_sample_is_shown(tmp_path):
    truth = np.ones((2, 3, 1), dtype=bool)
    header = Header(("text", "image"), ("glad",), ("total",), "total", "test", {"p_joint": ("sample", "category")})
    samples = pd.DataFrame({"sample": ["one", "two"]})
    RunWriter.create(tmp_path / "run", header, samples, {"text": truth, "image": truth}).commit({}, {})

    assert set(roll(tmp_path / "run")["sample"]) == {"one"}


def test_a_record_without_segments_has_nothing_to_show_over_time(tmp_path):
    path = record_other(tmp_path / "run", stand_ins=())

    with pytest.raises(NotApplicableError, match="have no segments, so there is nothing to show over time"):
        roll(path)
