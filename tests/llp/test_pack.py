"""Packing feature files: once, resumably, and with a clear error for every unusable file."""

import shutil

import numpy as np
import pytest

from mbias.errors import BadInputError
from mbias.llp import pack
from mbias.llp.features import feature_path, read_video
from mbias.llp.pack import pack_split
from mbias.llp.store import open_split
from mbias.llp.streams.presets import HAN_STREAMS
from mbias.terms import Split
from tests.llp.conftest import video_names


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_packing_again_changes_nothing_until_a_file_changes(data):
    pack_split(data, Split.VAL)
    before = contents(data / "packed" / "val")
    assert pack_split(data, Split.VAL).already
    assert contents(data / "packed" / "val") == before
    path = feature_path(data, HAN_STREAMS[0], video_names(data, Split.VAL)[1])
    np.save(path, np.ones((10, 128), np.float32))
    assert not pack_split(data, Split.VAL).already
    assert (open_split(data, Split.VAL).features["audio"][1] == 1).all()


@pytest.mark.parametrize("finished_batches", [0, 1, 2])
def test_an_interrupted_packing_resumes_and_gives_the_same_bytes(data, monkeypatch, finished_batches):
    pack_split(data, Split.TRAIN)
    whole = contents(data / "packed" / "train")
    shutil.rmtree(data / "packed")
    monkeypatch.setattr(pack, "_ROWS_AT_ONCE", 2)
    read: list[str] = []

    def stopping(directory, video, streams):
        if len(read) == 2 * finished_batches + 1:
            raise KeyboardInterrupt
        read.append(video)
        return read_video(directory, video, streams)

    monkeypatch.setattr(pack, "read_video", stopping)
    with pytest.raises(KeyboardInterrupt):
        pack_split(data, Split.TRAIN)
    with pytest.raises(BadInputError, match="mbias pack"):
        open_split(data, Split.TRAIN)

    def counting(directory, video, streams):
        reread.append(video)
        return read_video(directory, video, streams)

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
    monkeypatch.setattr(pack, "read_video", lambda d, v, s: (reread.append(v), read_video(d, v, s))[1])
    pack_split(data, Split.TRAIN)
    assert reread == video_names(data, Split.TRAIN)[4:]
    assert len(open_split(data, Split.TRAIN).videos) == 6


def test_unusable_videos_are_an_error_with_the_name_or_are_left_out(data):
    videos = video_names(data, Split.TRAIN)
    feature_path(data, HAN_STREAMS[1], videos[1]).unlink()
    np.save(feature_path(data, HAN_STREAMS[0], videos[4]), np.zeros((9, 128), np.float32))
    with pytest.raises(BadInputError) as error:
        pack_split(data, Split.TRAIN)
    assert str(error.value).startswith(str(feature_path(data, HAN_STREAMS[1], videos[1])))
    assert "(2 of 6 videos are unusable)" in str(error.value)
    assert not (data / "packed" / "train").exists()
    packed = pack_split(data, Split.TRAIN, skip_bad=True)
    assert (packed.videos, list(packed.skipped)) == (4, [videos[1], videos[4]])
    opened = open_split(data, Split.TRAIN)
    assert list(opened.videos) == [videos[0], videos[2], videos[3], videos[5]]
    np.testing.assert_array_equal(opened.features["frames"][2], read_video(data, videos[3], HAN_STREAMS)["frames"])
    assert opened.weak.shape == (4, 25)
    assert pack_split(data, Split.TRAIN, skip_bad=True).already
    with pytest.raises(BadInputError):
        pack_split(data, Split.TRAIN)


def describe(data, width):
    """Describe two streams, and write the audio features in this width."""
    for video in (video for split in Split for video in video_names(data, split)):
        np.save(feature_path(data, HAN_STREAMS[0], video), np.full((20, width), 2, np.float32))
    tables = [("sound", "audio", "feats/vggish", 20, width), ("motion", "visual", "feats/r2plus1d_18", 10, 512)]
    text = '[{}]\nmodality = "{}"\nfolder = "{}"\nrows = {}\nwidth = {}\n'
    (data / "streams.toml").write_text("".join(text.format(*values) for values in tables))


def test_described_streams_are_packed_anew_when_they_change(data):
    pack_split(data, Split.TRAIN)
    describe(data, 7)
    assert not pack_split(data, Split.TRAIN).already
    assert pack_split(data, Split.TRAIN).already
    opened = open_split(data, Split.TRAIN)
    assert {name: array.shape for name, array in opened.features.items()} == {
        "sound": (6, 10, 7),
        "motion": (6, 10, 512),
    }
    assert (opened.features["sound"] == 2).all()
    assert sorted(path.name for path in (data / "packed" / "train").iterdir()) == [
        "motion.npy",
        "pack.json",
        "sound.npy",
        "videos.csv",
    ]
    path = data / "streams.toml"
    path.write_text(path.read_text().replace("sound", "noise"))
    assert not pack_split(data, Split.TRAIN).already
    assert list(open_split(data, Split.TRAIN).features) == ["noise", "motion"]


def test_an_interrupted_packing_of_other_streams_is_not_resumed(data, monkeypatch):
    describe(data, 7)
    with monkeypatch.context() as patch:
        patch.setattr(pack.PackedArrays, "keep", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        patch.setattr(pack.Path, "unlink", lambda path, **_: None)
        with pytest.raises(KeyboardInterrupt):
            pack_split(data, Split.TRAIN)
    describe(data, 8)
    pack_split(data, Split.TRAIN)
    sound = open_split(data, Split.TRAIN).features["sound"]
    assert sound.shape == (6, 10, 8)
    assert (sound == 2).all()


def test_a_stream_without_its_folder_is_named(data):
    (data / "feats" / "res152").rename(data / "feats" / "resnet")
    with pytest.raises(BadInputError, match=r"feats/res152: there is no such folder; .* of the stream 'frames' there"):
        pack_split(data, Split.VAL, skip_bad=True)


def test_a_packed_split_is_kept_where_the_files_are_removed(data):
    describe(data, 7)
    pack_split(data, Split.VAL)
    shutil.rmtree(data / "feats")
    assert pack_split(data, Split.VAL).already
    (data / "streams.toml").unlink()
    assert pack_split(data, Split.VAL).already
    assert open_split(data, Split.VAL).features["sound"].shape == (3, 10, 7)
    (data / "streams.toml").write_text('preset = "clip_clap"')
    with pytest.raises(BadInputError, match="put the files of the stream 'audio' there"):
        pack_split(data, Split.VAL)


def test_a_directory_without_feature_files_cannot_be_packed(data):
    shutil.rmtree(data / "feats")
    with pytest.raises(BadInputError, match="feats/vggish: there is no such folder; put the files of the"):
        pack_split(data, Split.VAL)
