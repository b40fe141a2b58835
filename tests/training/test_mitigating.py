"""HAN trained with a mitigation, resumed after a stop, and probed."""

import dataclasses

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mbias import Run
from mbias.han.network import HAN
from mbias.llp.simulate import simulate
from mbias.probing.han import probe
from mbias.terms import Split, Variant
from mbias.training.data import load_data
from mbias.training.mitigating import Mitigated, branches
from mbias.training.mitigation_choice import METHODS, MitigationChoice
from tests.training.runs import CONFIG, Killed, assert_same_run, kill_after, train

OFTEN = {"gradient_blending": "super_epoch=1", "relearning": "every=2"}
"""Options with which a method acts within the four epochs of a test."""

QUICK = ("unimodal", "ogm_ge")
"""The methods that are not left to the slow tests."""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Data with at least one labelled validation video per category, as re-learning needs them."""
    directory = tmp_path_factory.mktemp("mitigated") / "llp"
    simulate(directory, sizes={Split.TRAIN: 40, Split.VAL: 30, Split.TEST: 20}, packed=True)
    return load_data(directory, Split.TEST, torch.device("cpu"))


@pytest.fixture(scope="module")
def plain(data, tmp_path_factory):
    """The folder of a run without a mitigation."""
    path = tmp_path_factory.mktemp("plain") / "run"
    train(path, data)
    return path


def mitigated(name):
    return dataclasses.replace(CONFIG, mitigation=MitigationChoice.parse(f"{name} {OFTEN.get(name, '')}"))


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in METHODS]
)
def test_a_run_learns_something_else_and_resumes_bit_for_bit(plain, data, tmp_path, name):
    train(tmp_path / "whole", data, mitigated(name))
    with pytest.raises(Killed):
        train(tmp_path / "resumed", data, mitigated(name), kill_after(2))
    train(tmp_path / "resumed", data, mitigated(name))

    assert_same_run(tmp_path / "whole", tmp_path / "resumed")
    assert all("gradient" not in losses for losses in Run(tmp_path / "whole").commits[-1].losses.values())
    assert "gradient" in Run(plain).commits[-1].losses["audio"]
    # The sum of all losses is what HAN minimises without a mitigation.
    assert _same_weights(plain, tmp_path / "whole") == (name == "unimodal")


def _same_weights(first, second):
    weights = [load_file(path / "checkpoints" / "last.safetensors") for path in (first, second)]
    return all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_shared_layers_belong_to_no_modality():
    model = HAN(Variant.ACROSS_VCROSS)
    own = branches(model)
    identities = {id(parameter) for parameters in own.values() for parameter in parameters}
    names = {name for name, parameter in model.named_parameters() if id(parameter) in identities}
    assert {name.split(".")[0] for name in names} == {"fc_a", "fc_v", "fc_st", "fc_fusion"}
    assert len(own["audio"]) == 2


def test_modality_dropout_hides_all_streams_of_a_modality():
    model = HAN(Variant.ACROSS_VCROSS)
    method = Mitigated(MitigationChoice.parse("modality_dropout"), model, seed=0)
    method.method._q = {"audio": 0.0, "visual": 0.5}
    given = [torch.ones(200, 10, stream.width) for stream in model.streams]
    hidden = [(values == 0).flatten(1).all(dim=1) for values in method.inputs(given)]
    shown = [(values == 1).flatten(1).all(dim=1) for values in method.inputs(given)]
    assert not hidden[0].any()
    assert torch.equal(hidden[1], hidden[2])
    assert 60 < hidden[1].sum() < 140
    assert shown[0].all()


def test_a_floor_under_attention_is_part_of_the_network_that_is_probed(data, tmp_path):
    config = dataclasses.replace(CONFIG, mitigation=MitigationChoice.parse("attention_floor share=0.4"))
    train(tmp_path / "run", data, config)
    run = Run(tmp_path / "run")
    assert run.mitigation == "attention_floor share=0.4"
    assert run.values("wav").min() >= 0.2
    assert np.allclose(run.values("wav").sum(axis=2), 1, atol=1e-5)
    # The probe refuses a network whose outputs differ from the recorded ones.
    probe(run, data, torch.float32, draws=1)
