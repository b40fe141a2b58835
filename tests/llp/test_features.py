"""Feature files are read, validated and pooled."""

import numpy as np
import pytest

from mbias.errors import BadInputError
from mbias.llp.features import feature_path, missing_folders, pool_rows, read_feature, read_video
from mbias.llp.streams.presets import CLIP_CLAP_STREAMS, HAN_STREAMS

VIDEO = "abcdefghijk_10_20"


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(3)
    for stream in HAN_STREAMS:
        path = feature_path(tmp_path, stream, VIDEO)
        path.parent.mkdir(parents=True)
        np.save(path, rng.standard_normal((stream.rows, stream.width)).astype(np.float32))
    return tmp_path


def test_the_frames_of_a_video_are_pooled_over_eight(files):
    features = read_video(files, VIDEO, HAN_STREAMS)
    frames = np.load(files / "feats" / "res152" / "abcdefghijk.npy")
    by_hand = np.array([frames[8 * segment : 8 * segment + 8].mean(axis=0) for segment in range(10)])
    assert {name: values.shape for name, values in features.items()} == {
        "audio": (10, 128),
        "frames": (10, 2048),
        "motion": (10, 512),
    }
    np.testing.assert_allclose(features["frames"], by_hand, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(features["audio"], np.load(files / "feats" / "vggish" / "abcdefghijk.npy"))


def test_pooling_does_not_mix_segments():
    assert pool_rows(np.repeat(np.arange(10.0, dtype=np.float32), 8)[:, None]).ravel().tolist() == list(range(10))


def test_ten_rows_are_kept_and_thirty_are_averaged_by_three():
    rows = np.random.default_rng(0).standard_normal((30, 4)).astype(np.float32)
    np.testing.assert_array_equal(pool_rows(rows[:10]), rows[:10])
    np.testing.assert_allclose(pool_rows(rows)[9], rows[27:].mean(axis=0), rtol=1e-6)


def test_a_feature_map_is_averaged_over_bands_and_by_time():
    """Each of 32 steps lasts 5/16 of a second, so it counts for a second by the part of it that lies there."""
    rows = np.random.default_rng(0).standard_normal((64, 3)).astype(np.float32)
    steps = (rows[:32].astype(float) + rows[32:]) / 2
    by_hand = np.zeros((10, 3))
    for segment in range(10):
        for step in range(32):
            begin, end = step * 5 / 16, (step + 1) * 5 / 16
            by_hand[segment] += max(0, min(end, segment + 1) - max(begin, segment)) * steps[step]
    np.testing.assert_allclose(pool_rows(rows), by_hand, atol=1e-6)


def test_the_streams_without_a_folder_are_found(files):
    assert missing_folders(files, HAN_STREAMS) == []
    assert missing_folders(files, CLIP_CLAP_STREAMS) == list(CLIP_CLAP_STREAMS[:2])


def test_half_precision_is_read_as_float32(files):
    path = feature_path(files, HAN_STREAMS[0], VIDEO)
    np.save(path, np.full((10, 128), 0.5, np.float16))
    values = read_feature(path, HAN_STREAMS[0])
    assert values.dtype == np.float32
    assert (values == 0.5).all()


def with_value(value):
    array = np.zeros((10, 128), np.float32)
    array[4, 7] = value
    return array


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((9, 128), np.float32), "the shape is (9, 128), expected (10, 128)"),
        (np.zeros((10, 512), np.float32), "the shape is (10, 512), expected (10, 128) of the stream 'audio'; describe"),
        (with_value(np.nan), "the value at row 4, column 7 is nan"),
        (with_value(np.inf), "the value at row 4, column 7 is inf"),
        (np.zeros((10, 128), int), "the features are int64, expected float32"),
        (np.array([{}], object), "it holds Python objects"),
    ],
)
def test_an_invalid_array_is_an_error_with_its_fault(files, array, words):
    path = feature_path(files, HAN_STREAMS[0], VIDEO)
    np.save(path, array)
    with pytest.raises(BadInputError) as error:
        read_feature(path, HAN_STREAMS[0])
    assert str(error.value).startswith(f"{path}: ")
    assert words in str(error.value)


@pytest.mark.parametrize("size", [0, 5, 60, 1000])
def test_a_truncated_file_is_refused(files, size):
    path = feature_path(files, HAN_STREAMS[0], VIDEO)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(BadInputError, match="cut short"):
        read_feature(path, HAN_STREAMS[0])


def test_an_archive_instead_of_an_array_is_refused(files):
    path = feature_path(files, HAN_STREAMS[0], VIDEO)
    with path.open("wb") as file:
        np.savez(file, x=np.zeros(3))
    with pytest.raises(BadInputError, match="cut short or not"):
        read_feature(path, HAN_STREAMS[0])
