"""Packing feature files: once, resumably, and with a clear error for every unusable file."""

import shutil

import numpy as np
import pytest

from mbias.errors import BadInputError
from mbias.llp import pack
from mbias.llp.features import STREAMS, feature_path, read_video
from mbias.llp.pack import pack_split
from mbias.llp.store import open_split
from mbias.terms import Split
from tests.llp.conftest import video_names


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_packing_again_changes_nothing_until_a_file_changes(data):
    pack_split(data, Split.VAL)
    before = contents(data / "packed" / "val")
    assert pack_split(data, Split.VAL).already
    assert contents(data / "packed" / "val") == before
    path = feature_path(data, STREAMS[0], video_names(data, Split.VAL)[1])
    np.save(path, np.ones((10, 128), np.float32))
    assert not pack_split(data, Split.VAL).already
    assert (open_split(data, Split.VAL).audio[1] == 1).all()


@pytest.mark.parametrize("finished_batches", [0, 1, 2])
def test_an_interrupted_packing_resumes_and_gives_the_same_bytes(data, monkeypatch, finished_batches):
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
        reread.append(video)
        return read_video(directory, video)

    reread: list[str] = []
    monkeypatch.setattr(pack, "read_video", counting)
    pack_split(data, Split.TRAIN)
    assert reread == video_names(data, Split.TRAIN)[2 * finished_batches :]
    assert contents(data / "packed" / "train") == whole
    assert [path.name for path in (data / "packed").iterdir()] == ["train"]


def test_a_truncated_journal_line_repeats_only_its_rows(data, monkeypatch):
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
    reread: list[str] = []
    monkeypatch.setattr(pack, "read_video", lambda d, v: (reread.append(v), read_video(d, v))[1])
    pack_split(data, Split.TRAIN)
    assert reread == video_names(data, Split.TRAIN)[4:]
    assert len(open_split(data, Split.TRAIN).videos) == 6


def test_unusable_videos_are_an_error_with_the_name_or_are_left_out(data):
    videos = video_names(data, Split.TRAIN)
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


def test_a_directory_without_feature_files_cannot_be_packed(data):
    shutil.rmtree(data / "feats")
    with pytest.raises(BadInputError, match="feats: there is no such folder"):
        pack_split(data, Split.VAL)
