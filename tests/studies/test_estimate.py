"""What is left to do of a study."""

import shutil

import pytest

from mbias.errors import BadInputError
from mbias.llp.streams.presets import CLIP_CLAP_STREAMS, HAN_STREAMS
from mbias.studies.estimate import _weights_bytes, estimate, estimate_study
from tests.studies.runs import modification_times, plan


def test_what_is_left_is_estimated_and_nothing_is_written(directory, trained, tmp_path):
    study = plan(tmp_path / "runs", directory, seeds=(0, 1), workers=2)
    before = estimate(study)
    assert (len(before.runs), before.epochs, before.committed) == (2, 4, 0)
    assert before.seconds > 0
    assert before.total_seconds == pytest.approx(2 * before.seconds)
    assert not study.folder.exists()
    shutil.copytree(trained, study.folder)
    times = modification_times(study.folder)
    after = estimate(study)
    assert ([run.config.seed for run in after.runs], after.epochs, after.committed) == ([1], 2, 2)
    assert modification_times(study.folder) == times
    used = sum(path.stat().st_size for path in study.runs[0].path.rglob("*.safetensors"))
    # An upper bound, and not a loose one: as if each epoch held all arrays, plus the state of a run in training.
    assert used < before.bytes / 2 < 8 * used


def test_the_estimate_is_of_the_network_that_the_features_need(clip_directory, tmp_path):
    study = plan(tmp_path / "runs", clip_directory)
    left = estimate(study)
    assert (left.epochs, left.committed) == (2, 0)
    narrow, wide = 4 * 512 * (768 + 768 + 512), 4 * 512 * (128 + 2048 + 512)
    assert _weights_bytes(HAN_STREAMS) - _weights_bytes(CLIP_CLAP_STREAMS) == wide - narrow


def test_a_damaged_run_is_named(directory, trained, tmp_path):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    study = plan(tmp_path, directory)
    (study.runs[0].path / "epochs" / "0001.safetensors").unlink()
    with pytest.raises(BadInputError, match=r"0001.safetensors: missing"):
        estimate(study)


def test_a_wrong_argument_is_named(tmp_path):
    (tmp_path / "study.toml").write_text("[[grid]]\nvariants = ['across_vself']\nsmoothing = ['ls_v']\nseeds = [0]\n")
    with pytest.raises(BadInputError, match="workers is 0"):
        estimate_study(tmp_path / "study.toml", data="data", workers=0)
