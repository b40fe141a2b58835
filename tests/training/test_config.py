"""The configuration of a run."""

import dataclasses
import hashlib
import json

import pytest

from mbias.errors import BadInputError
from mbias.terms import PRESETS, Control, Split, Variant
from mbias.training.config import TrainingConfig


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"seed": -1}, "seed"),
        ({"record": Split.TRAIN}, "record"),
        ({"precision": "half"}, "precision"),
        ({"threads": 0}, "threads"),
    ],
)
def test_a_value_out_of_range_is_refused(changes, message):
    with pytest.raises(BadInputError, match=message):
        TrainingConfig(**changes)


def test_the_name_tells_variant_smoothing_control_and_seed():
    config = TrainingConfig(Variant.ASELF_VSELF, PRESETS["ls_a"], seed=7)
    assert config.name == "aself_vself-ls_a-seed7"
    assert dataclasses.replace(config, control=Control.FROZEN).name == "aself_vself-ls_a-frozen-seed7"


def test_the_recorded_configuration_is_stable():
    """Records on disk hold exactly this; another spelling would make them runs of another configuration."""
    assert json.dumps(TrainingConfig().to_json()) == (
        '{"variant": "across_vcross", "smoothing": "ls_v", "seed": 0, "epochs": 40, "batch_size": 16, '
        '"learning_rate": 0.0003, "step": 10, "factor": 0.1, "precision": "auto", "record": "test", "init": null, '
        '"threads": 1, "control": null}'
    )


def test_initial_weights_are_recorded_by_their_content(tmp_path):
    path = tmp_path / "weights.pt"
    path.write_bytes(b"weights")
    assert TrainingConfig(init=str(path)).to_json()["init"] == hashlib.sha256(b"weights").hexdigest()
    path.unlink()
    with pytest.raises(BadInputError, match=r"weights.pt: cannot read the initial weights"):
        TrainingConfig(init=str(path)).to_json()
