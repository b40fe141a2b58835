"""The splits in memory."""

import shutil

import numpy as np
import pytest
import torch

from mbias.errors import BadInputError
from mbias.terms import Split
from mbias.training import data as module
from mbias.training.data import load_data, open_splits


def test_memory_holds_what_is_on_disk(data, directory):
    for split, opened in open_splits(directory, Split.TEST).items():
        videos = data.videos[split]
        assert len(videos) == len(opened.videos)
        np.testing.assert_array_equal(videos.features["audio"], opened.features["audio"])
        np.testing.assert_array_equal(videos.labels, opened.weak)


def test_a_copy_in_chunks_is_complete(data, directory, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 7)
    videos = load_data(str(directory), Split.TEST, torch.device("cpu")).videos[Split.TRAIN]
    assert torch.equal(videos.features["motion"], data.videos[Split.TRAIN].features["motion"])


def test_features_are_kept_in_the_type_in_which_they_are_multiplied(directory):
    videos = load_data(directory, Split.TEST, torch.device("cpu"), torch.bfloat16).videos[Split.TEST]
    assert (videos.features["audio"].dtype, videos.labels.dtype) == (torch.bfloat16, torch.float32)


def test_the_fingerprint_names_every_split(data, directory):
    assert [part.split(":")[0] for part in data.fingerprint.split(",")] == ["test", "train", "val"]
    assert load_data(directory, Split.VAL, torch.device("cpu")).fingerprint != data.fingerprint
    assert data.simulated


def test_data_that_are_not_packed_are_named(tmp_path):
    with pytest.raises(BadInputError, match=r"train.pack.json: there is no such packed split"):
        load_data(tmp_path, Split.TEST, torch.device("cpu"))


def test_splits_of_different_streams_are_named(tmp_path, directory, clip_directory):
    shutil.copytree(directory, tmp_path / "mixed")
    shutil.rmtree(tmp_path / "mixed" / "packed" / "val")
    shutil.copytree(clip_directory / "packed" / "val", tmp_path / "mixed" / "packed" / "val")
    for name in ("AVVP_val_pd.csv", "AVVP_eval_audio.csv", "AVVP_eval_visual.csv"):
        shutil.copy(clip_directory / name, tmp_path / "mixed")
    with pytest.raises(BadInputError) as error:
        open_splits(tmp_path / "mixed", Split.TEST)
    assert str(error.value) == (
        f"{tmp_path / 'mixed' / 'packed' / 'val'}: packed from the stream audio (CLAP/features, 64 x 768), but the "
        f"training split from audio (feats/vggish, 10 x 128); run `mbias pack {tmp_path / 'mixed'}`"
    )
