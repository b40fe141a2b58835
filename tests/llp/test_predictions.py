"""Predictions are brought to the order of the videos of a split."""

from __future__ import annotations

import numpy as np
import pytest

from mbias.errors import BadInputError
from mbias.llp.predictions import Predictions, split_truth, weak_everywhere
from mbias.terms import Split


def predictions(*videos):
    events = np.zeros((len(videos), 10, 2, 25), dtype=bool)
    events[np.arange(len(videos)), np.arange(len(videos))] = True
    return Predictions(events, None, None, videos)


def test_events_follow_the_order_of_the_split():
    given = predictions("a", "b", "c")
    ordered = given.in_order(given.p, ("c", "a"))
    assert np.array_equal(ordered, given.p[[2, 0]])


def test_missing_and_duplicate_videos_are_refused():
    given = predictions("a", "b")
    with pytest.raises(BadInputError, match="none for c and 1 more of the 3 videos"):
        given.in_order(given.p, ("a", "c", "d"))
    given = predictions("a", "a")
    with pytest.raises(BadInputError, match="occurs twice"):
        given.in_order(given.p, ("a",))


def test_the_truth_of_a_split_has_audio_before_visual(tmp_path):
    (tmp_path / "AVVP_val_pd.csv").write_text("filename\tevent_labels\nb\tSpeech\na\tSpeech,Car\n")
    header = "filename\tonset\toffset\tevent_labels\n"
    (tmp_path / "AVVP_eval_audio.csv").write_text(header + "a\t0\t2\tSpeech\n")
    (tmp_path / "AVVP_eval_visual.csv").write_text(header + "a\t3\t10\tCar\nelsewhere\t0\t5\tDog\n")
    truth = split_truth(tmp_path, Split.VAL)
    assert truth.videos == ("b", "a")
    assert truth.dense.shape == (2, 10, 2, 25)
    assert not truth.dense[0].any()
    assert truth.dense[1, :, 0, 0].tolist() == [True] * 2 + [False] * 8
    assert truth.dense[1, :, 1, 1].tolist() == [False] * 3 + [True] * 7


def test_weak_labels_are_predicted_in_all_segments_of_both_modalities(tmp_path):
    (tmp_path / "AVVP_val_pd.csv").write_text("filename\tevent_labels\nb\tSpeech\na\tSpeech,Car\n")
    predicted = weak_everywhere(tmp_path, Split.VAL)

    assert predicted.videos == ("b", "a")
    assert predicted.p.shape == (2, 10, 2, 25)
    assert predicted.p.sum(axis=(1, 2))[:, :3].tolist() == [[20, 0, 0], [20, 20, 0]]
