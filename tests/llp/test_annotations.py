"""Annotation files are read row by row, and converted to the 1-second grid."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbias.errors import BadInputError
from mbias.llp.annotations import DenseRow, dense_array, read_dense, read_truth, read_weak, weak_array
from mbias.terms import CATEGORIES

DOG, CAT, CAR, SPEECH = (CATEGORIES.index(name) for name in ("Dog", "Cat", "Car", "Speech"))


def test_weak_labels_keep_the_order_of_the_file(tiny):
    rows = read_weak(tiny / "AVVP_val_pd.csv")
    assert [(row.number, row.video, row.labels) for row in rows] == [
        (2, "valueVideo1_0_10", ("Dog", "Speech")),
        (3, "valueVideo2_5_15", ("Cat", "Cat")),
    ]
    weak = weak_array(rows)
    assert weak.shape == (2, 25)
    assert [list(np.flatnonzero(row)) for row in weak] == [sorted([DOG, SPEECH]), [CAT]]


def test_truth_has_segments_modalities_and_categories_in_the_requested_order(tiny):
    truth = read_truth(tiny, ["valueVideo2_5_15", "valueVideo1_0_10"])
    assert truth.shape == (2, 10, 2, 25)
    assert list(np.flatnonzero(truth[1, :, 0, DOG])) == [2, 3, 4, 5]  # 2 to 4 and 4 to 6 are adjacent
    assert truth[1, :, 0, SPEECH].all()
    assert not truth[1, :, 1].any()
    assert list(np.flatnonzero(truth[0, :, 1, CAR])) == [0]
    assert not truth[0, :, 0].any()  # 3 to 3 covers no segment


@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10), st.sampled_from(CATEGORIES))))
def test_the_grid_is_the_union_of_the_events(events):
    rows = [DenseRow(number, "video", on, off, category) for number, (on, off, category) in enumerate(events)]
    by_hand = [
        [any(on <= segment < off and category == name for on, off, category in events) for name in CATEGORIES]
        for segment in range(10)
    ]
    assert dense_array(rows, ["video"]).tolist() == [by_hand]
    assert not dense_array(rows, ["unknown"]).any()


def test_the_published_reversed_row_covers_no_segment(tiny):
    path = tiny / "AVVP_eval_audio.csv"
    path.write_text("filename\tonset\toffset\tevent_labels\n8DF2PxdT5tE_390_400\t9\t0\tCheering\n")
    assert not dense_array(read_dense(path), ["8DF2PxdT5tE_390_400"]).any()


def test_wrong_rows_of_the_older_file_are_read_as_the_published_video(tiny):
    path = tiny / "AVVP_eval_audio.csv"
    path.write_text(
        "filename\tonset\toffset\tevent_labels\nBaby_cry_infant_cry\t0\t4\tSpeech\n"
        "Baby_cry_infant_cry\t7\t10\tSpeech\nKvIjsmANkxI_10_20`\t0\t1\tCat\n"
    )
    dense = dense_array(read_dense(path), ["JfZEqeLZqWk_30_40", "KvIjsmANkxI_10_20"])
    assert list(np.flatnonzero(dense[0, :, SPEECH])) == [0, 1, 2, 3, 7, 8, 9]
    assert list(np.flatnonzero(dense[1, :, CAT])) == [0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, ["there is no such annotation file"]),
        ("", ["is empty"]),
        ("filename\tonset\toffset\tevent_labels\n", ["no row below its header"]),
        ("filename,onset,offset,event_labels\nv,1,2,Dog\n", ["row 1", "not separated by tabs"]),
        ("a\tb\tc\td\nv\t1\t2\tDog\n", ["row 1", "the columns are a, b, c, d"]),
        ("filename\tonset\toffset\tevent_labels\nv\t1\t2\tDog\nv\t1\t2\n", ["row 3", "3 cells, expected 4"]),
        (
            "filename\tonset\toffset\tevent_labels\nv\t1\t2\tDgo\n",
            ["row 2", "unknown category 'Dgo'", "did you mean Dog?"],
        ),
        ("filename\tonset\toffset\tevent_labels\nv\t8\t3\tDog\n", ["row 2", "onset 8 is after offset 3", "swap"]),
        ("filename\tonset\toffset\tevent_labels\nv\t1\t11\tDog\n", ["row 2", "time '11'"]),
        ("filename\tonset\toffset\tevent_labels\nv\t1.5\t3\tDog\n", ["row 2", "time '1.5'"]),
    ],
)
def test_an_invalid_dense_file_is_an_error_with_its_row_and_a_hint(tmp_path: Path, text, words):
    path = tmp_path / "AVVP_eval_audio.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BadInputError) as error:
        read_dense(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert all(word in message for word in words)


def test_a_video_in_two_rows_is_refused(tmp_path):
    path = tmp_path / "AVVP_train.csv"
    path.write_text("filename\tevent_labels\nv\tDog\nw\tCat\nv\tCat\n")
    with pytest.raises(BadInputError, match="row 4: video v is also in row 2"):
        read_weak(path)


def test_a_file_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "AVVP_train.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInputError, match="not a readable annotation file"):
        read_weak(tmp_path / "AVVP_train.csv")
