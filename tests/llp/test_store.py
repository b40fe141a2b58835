import shutil

import numpy as np
import pytest

from mbias.errors import BadInputError
from mbias.llp import pack
from mbias.llp.annotations import WEAK_FILES, read_weak
from mbias.llp.features import STREAMS, feature_path, read_video
from mbias.llp.pack import pack_split
from mbias.llp.store import open_split
from mbias.terms import Split
from tests.llp.conftest import SIZES


def names(data, split):
    return [row.video for row in read_weak(data / WEAK_FILES[split])]


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_packed_split_holds_each_videos_features_and_labels(data):
    for split in Split:
        assert pack_split(data, split) == pack.Packed(SIZES[split], {}, already=False)
        opened = open_split(data, split)
        assert list(opened.videos) == names(data, split)
        for place, video in enumerate(opened.videos):
            for name, values in read_video(data, video).items():
                np.testing.assert_array_equal(getattr(opened, name)[place], values)
        assert opened.audio.dtype == np.float32
        assert not opened.frames.flags.writeable
        assert opened.weak.shape == (SIZES[split], 25)
        assert opened.weak.any(axis=1).all()
        assert opened.simulated
    assert open_split(data, Split.TRAIN).truth is None
    opened = open_split(data, Split.TEST)
    # simulated weak labels are what is heard or seen
    np.testing.assert_array_equal(opened.truth.any(axis=(1, 2)), opened.weak)


def test_packing_again_changes_nothing_until_a_file_changes(data):
    pack_split(data, Split.VAL)
    before = contents(data / "packed" / "val")
    assert pack_split(data, Split.VAL).already
    assert contents(data / "packed" / "val") == before
    path = feature_path(data, STREAMS[0], names(data, Split.VAL)[1])
    np.save(path, np.ones((10, 128), np.float32))
    assert not pack_split(data, Split.VAL).already
    assert (open_split(data, Split.VAL).audio[1] == 1).all()


@pytest.mark.parametrize("finished_batches", [0, 1, 2])
def test_a_packing_that_was_interrupted_goes_on_to_the_same_bytes(data, monkeypatch, finished_batches):
    pack_split(data, Split.TRAIN)
    whole = contents(data / "packed" / "train")
    shutil.rmtree(data / "packed")
    monkeypatch.setattr(pack, "_ROWS_AT_ONCE", 2)
    read: list[str] = []

    def stopping(directory, video):
        if len(read) == 2 * finished_batches + 1:
            raise KeyboardInterrupt
        read.append(video)
        return read_video(directory, video)

    monkeypatch.setattr(pack, "read_video", stopping)
    with pytest.raises(KeyboardInterrupt):
        pack_split(data, Split.TRAIN)
    with pytest.raises(BadInputError, match="mbias pack"):
        open_split(data, Split.TRAIN)

    def counting(directory, video):
        again.append(video)
        return read_video(directory, video)

    again: list[str] = []
    monkeypatch.setattr(pack, "read_video", counting)
    pack_split(data, Split.TRAIN)
    assert again == names(data, Split.TRAIN)[2 * finished_batches :]
    assert contents(data / "packed" / "train") == whole
    assert [path.name for path in (data / "packed").iterdir()] == ["train"]


def test_a_journal_line_cut_short_costs_only_its_rows(data, monkeypatch):
    monkeypatch.setattr(pack, "_ROWS_AT_ONCE", 2)
    monkeypatch.setattr(pack, "publish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    monkeypatch.setattr(pack.PackedArrays, "keep", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    unlinked = []
    monkeypatch.setattr(pack.Path, "unlink", lambda path, **_: unlinked.append(path))
    with pytest.raises(KeyboardInterrupt):
        pack_split(data, Split.TRAIN)
    monkeypatch.undo()
    journal = data / "packed" / "train.partial" / "journal.jsonl"
    assert unlinked == [journal]
    journal.write_bytes(journal.read_bytes()[:-20])
    again: list[str] = []
    monkeypatch.setattr(pack, "read_video", lambda d, v: (again.append(v), read_video(d, v))[1])
    pack_split(data, Split.TRAIN)
    assert again == names(data, Split.TRAIN)[4:]
    assert len(open_split(data, Split.TRAIN).videos) == 6


def test_bad_videos_are_refused_by_name_or_left_out(data):
    videos = names(data, Split.TRAIN)
    feature_path(data, STREAMS[1], videos[1]).unlink()
    np.save(feature_path(data, STREAMS[0], videos[4]), np.zeros((9, 128), np.float32))
    with pytest.raises(BadInputError) as error:
        pack_split(data, Split.TRAIN)
    assert str(error.value).startswith(str(feature_path(data, STREAMS[1], videos[1])))
    assert "(2 of 6 videos are unusable)" in str(error.value)
    assert not (data / "packed" / "train").exists()
    packed = pack_split(data, Split.TRAIN, skip_bad=True)
    assert (packed.videos, list(packed.skipped)) == (4, [videos[1], videos[4]])
    opened = open_split(data, Split.TRAIN)
    assert list(opened.videos) == [videos[0], videos[2], videos[3], videos[5]]
    np.testing.assert_array_equal(opened.frames[2], read_video(data, videos[3])["frames"])
    assert opened.weak.shape == (4, 25)
    assert pack_split(data, Split.TRAIN, skip_bad=True).already
    with pytest.raises(BadInputError):
        pack_split(data, Split.TRAIN)


def test_fingerprint_follows_features_and_labels(data):
    pack_split(data, Split.TEST)
    fingerprint = open_split(data, Split.TEST).fingerprint
    assert open_split(data, Split.TEST).fingerprint == fingerprint
    path = data / "AVVP_eval_visual.csv"
    text = path.read_text()
    video = names(data, Split.TEST)[0]
    path.write_text(text + f"{video}\t0\t10\tBanjo\n{video}\t0\t10\tCello\n")
    assert open_split(data, Split.TEST).fingerprint != fingerprint
    path.write_text(text)
    np.save(feature_path(data, STREAMS[2], video), np.ones((10, 512), np.float32))
    pack_split(data, Split.TEST)
    assert open_split(data, Split.TEST).fingerprint != fingerprint


def test_what_is_not_packed_or_damaged_is_told_with_the_mend(data):
    with pytest.raises(BadInputError, match=f"run `mbias pack {data}`"):
        open_split(data, Split.VAL)
    pack_split(data, Split.VAL)
    array = data / "packed" / "val" / "motion.npy"
    array.write_bytes(array.read_bytes()[:-4])
    with pytest.raises(BadInputError, match=r"motion\.npy: it is cut short or damaged"):
        open_split(data, Split.VAL)
    np.save(array, np.zeros((3, 9, 512), np.float32))
    with pytest.raises(BadInputError, match=r"float32 \(3, 9, 512\) in place of"):
        open_split(data, Split.VAL)


def test_a_packed_video_that_the_annotations_lack_is_told(data):
    pack_split(data, Split.VAL)
    path = data / WEAK_FILES[Split.VAL]
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    with pytest.raises(BadInputError, match="no row for the packed video"):
        open_split(data, Split.VAL)


def test_a_store_of_a_newer_version_is_refused(data):
    pack_split(data, Split.VAL)
    path = data / "packed" / "val" / "pack.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(BadInputError, match="not of version 1"):
        open_split(data, Split.VAL)


def test_without_feature_files_there_is_nothing_to_pack(data):
    shutil.rmtree(data / "feats")
    with pytest.raises(BadInputError, match="feats: there is no such folder"):
        pack_split(data, Split.VAL)
