"""What a run's folder holds."""

import dataclasses
import shutil

import pytest

from mbias import Run
from mbias.errors import BadInputError
from mbias.llp.streams.presets import CLIP_CLAP_STREAMS
from mbias.llp.streams.recorded import streams_from_json
from mbias.terms import PRESETS, Variant
from mbias.training.record import OtherRunError, inspect_run
from tests.training.runs import CONFIG, Killed, kill_after, train


def test_a_complete_run_is_recognised(whole, data):
    state = inspect_run(str(whole), CONFIG, "float32", data.fingerprint)
    assert state.complete
    assert not state.missing
    assert (len(state.commits), state.epochs_left) == (4, 0)


def test_an_empty_folder_is_missing_and_stays_empty(tmp_path, data):
    state = inspect_run(tmp_path, CONFIG, "float32", data.fingerprint)
    assert state.missing
    assert (state.complete, state.epochs_left) == (False, 4)
    assert list(tmp_path.iterdir()) == []


def test_a_stopped_run_is_partial(tmp_path, data):
    with pytest.raises(Killed):
        train(tmp_path / "run", data, on_epoch=kill_after(3))
    state = inspect_run(tmp_path / "run", CONFIG, "float32", data.fingerprint)
    assert not state.missing
    assert not state.complete
    assert state.epochs_left == 1


def test_a_run_without_its_last_weights_is_not_complete(whole, tmp_path, data):
    shutil.copytree(whole, tmp_path / "run")
    (tmp_path / "run" / "checkpoints" / "last.safetensors").unlink()
    assert not inspect_run(tmp_path / "run", CONFIG, "float32", data.fingerprint).complete


@pytest.mark.parametrize(
    "changes", [{"seed": 1}, {"variant": Variant.ACROSS_VSELF}, {"smoothing": PRESETS["ls_a"]}, {"epochs": 5}]
)
def test_a_run_of_another_configuration_is_named(whole, data, changes):
    with pytest.raises(OtherRunError, match=f"whole: trained with {next(iter(changes))} = "):
        inspect_run(whole, dataclasses.replace(CONFIG, **changes), "float32", data.fingerprint)


def test_a_run_in_another_precision_or_on_other_data_is_named(whole, data):
    with pytest.raises(OtherRunError, match="trained with precision = float32, not bfloat16"):
        inspect_run(whole, CONFIG, "bfloat16", data.fingerprint)
    with pytest.raises(OtherRunError, match="trained on other data"):
        inspect_run(whole, CONFIG, "float32", "train:0")


def test_the_record_holds_the_streams_and_other_widths_are_named(whole, tmp_path, data, clip_data):
    train(tmp_path / "run", clip_data, dataclasses.replace(CONFIG, epochs=1))
    training = Run(tmp_path / "run").header.training
    assert streams_from_json(training, tmp_path) == CLIP_CLAP_STREAMS
    assert "streams" not in Run(whole).header.training

    sentence = "run: the stream 'audio' is 128 wide, but this run was trained on 768; choose another folder"
    with pytest.raises(OtherRunError, match=sentence):
        inspect_run(tmp_path / "run", dataclasses.replace(CONFIG, epochs=1), "float32", data.fingerprint, data.streams)
    with pytest.raises(OtherRunError, match="whole: the stream 'audio' is 768 wide, but this run was trained on 128"):
        inspect_run(whole, CONFIG, "float32", clip_data.fingerprint, clip_data.streams)


def test_a_damaged_record_is_an_error_of_its_own(whole, tmp_path, data):
    shutil.copytree(whole, tmp_path / "run")
    (tmp_path / "run" / "epochs" / "0002.safetensors").unlink()
    with pytest.raises(BadInputError, match=r"0002.safetensors: missing") as caught:
        inspect_run(tmp_path / "run", CONFIG, "float32", data.fingerprint)
    assert not isinstance(caught.value, OtherRunError)
