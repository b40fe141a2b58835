from collections import Counter

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


def places(oddities, kind):
    return [(oddity.file, oddity.row) for oddity in oddities if oddity.kind == kind]


def test_every_oddity_of_a_small_directory_is_named_with_its_row(tiny):
    found = audit_annotations(tiny)
    audio, val, test = "AVVP_eval_audio.csv", "AVVP_val_pd.csv", "AVVP_test_pd.csv"
    assert places(found, TOUCHING) == [(audio, 3)]
    assert places(found, EMPTY) == [(audio, 5)]
    assert places(found, LABEL_TWICE) == [(val, 3)]
    assert places(found, DECIMAL_TIME) == [(test, 2)]
    assert places(found, NO_AUDIO) == [(test, 2)]
    assert places(found, NO_VISUAL) == [(val, 2), (test, 2)]
    assert places(found, NO_BOTH) == [(val, 2), (val, 3), (test, 2)]
    assert places(found, WEAK_ONLY) == [(val, 3), (test, 2)]
    assert places(found, DENSE_ONLY) == [(val, 3)]
    assert not any(places(found, kind) for kind in (DUPLICATE, OVERLAPPING, NO_SPLIT, OLDER_ROW))


def test_duplicate_overlapping_foreign_and_older_rows_are_named(tiny):
    path = tiny / "AVVP_eval_audio.csv"
    more = "valueVideo1_0_10\t2\t4\tDog\nvalueVideo1_0_10\t3\t5\tDog\nnobodyKnows_0_10\t0\t1\tCat\n"
    path.write_text(path.read_text() + more + "KvIjsmANkxI_10_20`\t0\t1\tCat\n")
    found = audit_annotations(tiny)
    assert places(found, DUPLICATE) == [(path.name, 6)]
    assert places(found, NO_SPLIT) == [(path.name, 8), (path.name, 9)]
    assert places(found, OLDER_ROW) == [(path.name, 9)]
    # rows 2 and 6 are 2 to 4, row 3 is 4 to 6, row 7 is 3 to 5
    assert Counter(oddity.kind for oddity in found if oddity.kind in (OVERLAPPING, TOUCHING)) == {
        OVERLAPPING: 4,
        TOUCHING: 2,
    }


@pytest.fixture(scope="module")
def found(published):
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
def test_the_published_files_have_the_counts_that_are_known(found, kind, file, count):
    assert sum(oddity.kind == kind and oddity.file.startswith(file) for oddity in found) == count


def test_the_published_files_name_the_known_videos(found):
    external = {(oddity.file, oddity.what.split()[0]) for oddity in found if oddity.kind == NO_SPLIT}
    assert Counter(file for file, _ in external) == {"AVVP_eval_audio.csv": 8, "AVVP_eval_visual.csv": 7}
    disagreeing = {o.what.rpartition(" of ")[2] for o in found if o.kind in (WEAK_ONLY, DENSE_ONLY)}
    assert len(disagreeing) == 84
    assert any(o.kind == LABEL_TWICE and o.what == "Clapping of LcFWKgFphXI_20_30" for o in found)
    assert any(o.kind == EMPTY and o.what == "8DF2PxdT5tE_390_400 9 to 0 Cheering" for o in found)


def test_the_older_audio_file_is_recognised_and_otherwise_the_same(published, tmp_path, found):
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
    assert [oddity for oddity in older if oddity.kind != OLDER_ROW] == found


def test_features_are_all_read_and_bad_ones_named(data):
    assert audit_features(data) == (39, [])
    files = sorted((data / "feats" / "vggish").iterdir())
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:-1])
    _, found = audit_features(data)
    assert {oddity.file for oddity in found} == {f"feats/vggish/{path.name}" for path in files[:2]}
    assert all(oddity.kind == BAD_FEATURES and not oddity.kind.usable for oddity in found)
