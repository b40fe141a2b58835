"""The audit lists every oddity with its file and row."""

from collections import Counter

import numpy as np
import pytest

from mbias.llp.audit import (
    BAD_FEATURES,
    DECIMAL_TIME,
    DENSE_ONLY,
    DUPLICATE,
    EMPTY,
    LABEL_TWICE,
    NO_AUDIO,
    NO_BOTH,
    NO_SPLIT,
    NO_VISUAL,
    OLDER_ROW,
    OVERLAPPING,
    TOUCHING,
    WEAK_ONLY,
    audit_annotations,
    audit_features,
)
from mbias.llp.streams.presets import HAN_STREAMS


def locations(oddities, kind):
    return [(oddity.file, oddity.row) for oddity in oddities if oddity.kind == kind]


def test_every_oddity_is_listed_with_its_file_and_row(tiny):
    oddities = audit_annotations(tiny)
    audio, val, test = "AVVP_eval_audio.csv", "AVVP_val_pd.csv", "AVVP_test_pd.csv"
    assert locations(oddities, TOUCHING) == [(audio, 3)]
    assert locations(oddities, EMPTY) == [(audio, 5)]
    assert locations(oddities, LABEL_TWICE) == [(val, 3)]
    assert locations(oddities, DECIMAL_TIME) == [(test, 2)]
    assert locations(oddities, NO_AUDIO) == [(test, 2)]
    assert locations(oddities, NO_VISUAL) == [(val, 2), (test, 2)]
    assert locations(oddities, NO_BOTH) == [(val, 2), (val, 3), (test, 2)]
    assert locations(oddities, WEAK_ONLY) == [(val, 3), (test, 2)]
    assert locations(oddities, DENSE_ONLY) == [(val, 3)]
    assert not any(locations(oddities, kind) for kind in (DUPLICATE, OVERLAPPING, NO_SPLIT, OLDER_ROW))


def test_duplicate_overlapping_and_older_rows_and_unknown_videos_are_listed(tiny):
    path = tiny / "AVVP_eval_audio.csv"
    more = "valueVideo1_0_10\t2\t4\tDog\nvalueVideo1_0_10\t3\t5\tDog\nnobodyKnows_0_10\t0\t1\tCat\n"
    path.write_text(path.read_text() + more + "KvIjsmANkxI_10_20`\t0\t1\tCat\n")
    oddities = audit_annotations(tiny)
    assert locations(oddities, DUPLICATE) == [(path.name, 6)]
    assert locations(oddities, NO_SPLIT) == [(path.name, 8), (path.name, 9)]
    assert locations(oddities, OLDER_ROW) == [(path.name, 9)]
    # Rows 2 and 6 are 2 to 4, row 3 is 4 to 6, row 7 is 3 to 5.
    assert Counter(oddity.kind for oddity in oddities if oddity.kind in (OVERLAPPING, TOUCHING)) == {
        OVERLAPPING: 4,
        TOUCHING: 2,
    }


@pytest.fixture(scope="module")
def oddities(published):
    return audit_annotations(published)


@pytest.mark.parametrize(
    ("kind", "file", "count"),
    [
        (DECIMAL_TIME, "AVVP_train.csv", 5),
        (LABEL_TWICE, "AVVP_test_pd.csv", 1),
        (DUPLICATE, "AVVP_eval_audio.csv", 8),
        (EMPTY, "AVVP_eval_audio.csv", 6),
        (OVERLAPPING, "AVVP_eval_audio.csv", 23),
        (TOUCHING, "AVVP_eval_audio.csv", 11),
        (TOUCHING, "AVVP_eval_visual.csv", 3),
        (OVERLAPPING, "AVVP_eval_visual.csv", 0),
        (NO_AUDIO, "", 9),
        (NO_VISUAL, "", 191),
        (NO_BOTH, "", 267),
        (WEAK_ONLY, "", 38),
        (DENSE_ONLY, "", 65),
        (OLDER_ROW, "", 0),
    ],
)
def test_the_published_files_have_the_known_counts(oddities, kind, file, count):
    assert sum(oddity.kind == kind and oddity.file.startswith(file) for oddity in oddities) == count


def test_the_oddities_of_the_published_files_are_in_the_known_videos(oddities):
    outside = {(oddity.file, oddity.what.split()[0]) for oddity in oddities if oddity.kind == NO_SPLIT}
    assert Counter(file for file, _ in outside) == {"AVVP_eval_audio.csv": 8, "AVVP_eval_visual.csv": 7}
    disagreeing = {o.what.rpartition(" of ")[2] for o in oddities if o.kind in (WEAK_ONLY, DENSE_ONLY)}
    assert len(disagreeing) == 84
    assert any(o.kind == LABEL_TWICE and o.what == "Clapping of LcFWKgFphXI_20_30" for o in oddities)
    assert any(o.kind == EMPTY and o.what == "8DF2PxdT5tE_390_400 9 to 0 Cheering" for o in oddities)


def test_the_older_audio_file_differs_only_in_its_wrong_rows(published, tmp_path, oddities):
    for path in published.glob("AVVP_*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    audio = tmp_path / "AVVP_eval_audio.csv"
    text = audio.read_text()
    for wrong, right in (
        ("Baby_cry_infant_cry\t0\t4\tSpeech", "JfZEqeLZqWk_30_40\t0\t4\tSpeech"),
        ("Baby_cry_infant_cry\t7\t10\tSpeech", "JfZEqeLZqWk_30_40\t7\t10\tSpeech"),
        ("KvIjsmANkxI_10_20`\t0\t1\tCat", "KvIjsmANkxI_10_20\t0\t1\tCat"),
    ):
        assert text.count(right) == 1
        text = text.replace(right, wrong)
    audio.write_text(text)
    older = audit_annotations(tmp_path)
    assert [oddity.row for oddity in older if oddity.kind == OLDER_ROW] == [930, 931, 2449]
    assert [oddity for oddity in older if oddity.kind != OLDER_ROW] == oddities


def test_all_feature_files_are_read_and_unusable_ones_are_listed(data):
    assert audit_features(data, HAN_STREAMS) == (39, [])
    files = sorted((data / "feats" / "vggish").iterdir())
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:-1])
    _, oddities = audit_features(data, HAN_STREAMS)
    assert {oddity.file for oddity in oddities} == {f"feats/vggish/{path.name}" for path in files[:2]}
    assert all(oddity.kind == BAD_FEATURES and not oddity.kind.usable for oddity in oddities)


def test_a_stream_whose_files_all_have_another_width_or_no_folder_is_listed_once(data):
    for path in (data / "feats" / "vggish").iterdir():
        np.save(path, np.zeros((10, 512), np.float32))
    (data / "feats" / "res152").rename(data / "feats" / "resnet")
    files, oddities = audit_features(data, HAN_STREAMS)
    assert files == 26
    assert list(map(str, oddities)) == [
        "feats/vggish: all 13 files: the shape is (10, 512), expected (10, 128) of the stream 'audio'",
        "feats/res152: no such folder of the stream 'frames'",
    ]
