"""The device and the precision."""

import pytest
import torch

from mbias.errors import BadInputError
from mbias.training import devices
from mbias.training.devices import choose_device, choose_precision, cores, name_of


def test_a_device_that_is_not_available_is_one_line():
    with pytest.raises(BadInputError, match=r"device 'cuda:77' is not available \(.*\); choose 'cpu' or 'auto'"):
        choose_device("cuda:77")
    with pytest.raises(BadInputError, match="device 'nonsense' is not available"):
        choose_device("nonsense")


def test_auto_takes_a_gpu_only_if_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == torch.device("cuda")


@pytest.mark.parametrize(("native", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_auto_is_bfloat16_only_where_it_is_native(monkeypatch, native, expected):
    monkeypatch.setattr(devices, "multiplies_bfloat16", lambda device: native)
    assert choose_precision("auto", torch.device("cpu")) == expected
    assert choose_precision("float32", torch.device("cpu")) == torch.float32


def test_a_precision_is_chosen_again_by_its_name():
    for dtype in (torch.float32, torch.bfloat16):
        assert choose_precision(name_of(dtype), torch.device("cpu")) == dtype


def test_there_is_at_least_one_core():
    assert cores() >= 1
