"""Opening a packed split, its fingerprint, and errors for damaged stores."""

import json

import numpy as np
import pytest

from mbias.errors import BadInputError
from mbias.llp.annotations import WEAK_FILES
from mbias.llp.features import feature_path, read_video
from mbias.llp.pack import Packed, pack_split
from mbias.llp.store import PackedArrays, open_split, read_videos, write_index
from mbias.llp.streams.presets import HAN_STREAMS
from mbias.terms import Split
from tests.llp.conftest import SIZES, video_names


def test_a_packed_split_contains_the_features_and_labels_of_each_video(data):
    for split in Split:
        assert pack_split(data, split) == Packed(SIZES[split], {}, already=False)
        opened = open_split(data, split)
        assert list(opened.videos) == video_names(data, split)
        for index, video in enumerate(opened.videos):
            for name, values in read_video(data, video, HAN_STREAMS).items():
                np.testing.assert_array_equal(opened.features[name][index], values)
        assert opened.features["audio"].dtype == np.float32
        assert not opened.features["frames"].flags.writeable
        assert opened.weak.shape == (SIZES[split], 25)
        assert opened.weak.any(axis=1).all()
        assert opened.simulated
    assert open_split(data, Split.TRAIN).truth is None
    opened = open_split(data, Split.TEST)
    # Simulated weak labels are the categories that are heard or seen.
    np.testing.assert_array_equal(opened.truth.any(axis=(1, 2)), opened.weak)


def test_the_fingerprint_depends_on_features_and_labels(data):
    pack_split(data, Split.TEST)
    fingerprint = open_split(data, Split.TEST).fingerprint
    assert open_split(data, Split.TEST).fingerprint == fingerprint
    path = data / "AVVP_eval_visual.csv"
    text = path.read_text()
    video = video_names(data, Split.TEST)[0]
    path.write_text(text + f"{video}\t0\t10\tBanjo\n{video}\t0\t10\tCello\n")
    assert open_split(data, Split.TEST).fingerprint != fingerprint
    path.write_text(text)
    np.save(feature_path(data, HAN_STREAMS[2], video), np.ones((10, 512), np.float32))
    pack_split(data, Split.TEST)
    assert open_split(data, Split.TEST).fingerprint != fingerprint


def test_a_missing_or_damaged_store_is_an_error_with_a_hint(data):
    with pytest.raises(BadInputError, match=f"run `mbias pack {data}`"):
        open_split(data, Split.VAL)
    pack_split(data, Split.VAL)
    array = data / "packed" / "val" / "motion.npy"
    array.write_bytes(array.read_bytes()[:-4])
    with pytest.raises(BadInputError, match=r"motion\.npy: it is cut short or damaged"):
        open_split(data, Split.VAL)
    np.save(array, np.zeros((3, 9, 512), np.float32))
    with pytest.raises(BadInputError, match=r"float32 \(3, 9, 512\), expected float32"):
        open_split(data, Split.VAL)


def test_a_store_of_han_is_as_before_streams_were_described(data):
    pack_split(data, Split.VAL)
    index = json.loads((data / "packed" / "val" / "pack.json").read_text())
    assert list(index) == ["format", "version", "split", "videos", "features", "source", "skipped"]
    assert open_split(data, Split.VAL).streams == HAN_STREAMS


def test_a_store_of_other_streams_than_are_described_is_named(data):
    pack_split(data, Split.VAL)
    (data / "streams.toml").write_text('preset = "clip_clap"')
    with pytest.raises(BadInputError) as error:
        open_split(data, Split.VAL)
    assert str(error.value) == (
        f"{data / 'packed' / 'val'}: packed from the stream audio (feats/vggish, 10 x 128), but streams.toml describes "
        f"audio (CLAP/features, 64 x 768); run `mbias pack {data}`"
    )
    (data / "streams.toml").write_text('preset = "han"')
    assert open_split(data, Split.VAL).streams == HAN_STREAMS


def test_an_array_of_another_width_is_refused_by_name_of_the_stream(data):
    pack_split(data, Split.VAL)
    np.save(data / "packed" / "val" / "audio.npy", np.zeros((3, 10, 512), np.float32))
    with pytest.raises(BadInputError, match=r"\(3, 10, 512\), expected float32 \(3, 10, 128\) of the stream 'audio'"):
        open_split(data, Split.VAL)
    (data / "packed" / "val" / "audio.npy").unlink()
    with pytest.raises(BadInputError, match=r"val/audio\.npy: there is no such file"):
        open_split(data, Split.VAL)


def test_a_damaged_record_of_the_streams_is_refused(data):
    pack_split(data, Split.VAL)
    path = data / "packed" / "val" / "pack.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"streams": [{"name": "audio"}]}))
    with pytest.raises(BadInputError, match=r"pack\.json: 'streams' is damaged"):
        open_split(data, Split.VAL)


def test_a_packed_video_that_the_annotations_lack_is_an_error(data):
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
    with pytest.raises(BadInputError, match="not version 1"):
        open_split(data, Split.VAL)


def test_kept_rows_move_to_the_front(tmp_path):
    with PackedArrays(tmp_path, 3, HAN_STREAMS) as arrays:
        for row in (2, 0, 1):
            arrays.write(row, {s.name: np.full((10, s.width), row, np.float32) for s in HAN_STREAMS})
        arrays.keep([0, 2])
        arrays.sync()
    for stream in HAN_STREAMS:
        kept = np.load(tmp_path / f"{stream.name}.npy")
        assert kept.shape == (2, 10, stream.width)
        assert kept[:, 0, 0].tolist() == [0, 2]


def test_the_index_names_the_videos_and_the_features(tmp_path):
    write_index(tmp_path, Split.VAL, ["a", "b"], ["1", "2"], HAN_STREAMS, source="simulated")
    assert read_videos(tmp_path / "videos.csv", "") == ["a", "b"]
    index = json.loads((tmp_path / "pack.json").read_text())
    assert (index["videos"], index["split"], index["source"]) == (2, "val", "simulated")
