"""Tensors are read from PyTorch files."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from mbias.errors import BadInputError
from mbias.exchange.arrays import read_arrays
from mbias.exchange.readers import torch_file

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("new_format", [True, False])
def test_a_dictionary_or_one_tensor_is_read(tmp_path, new_format):
    wav = torch.rand(3, 2)
    torch.save({"wav": wav, "note": "a text"}, tmp_path / "a.pt", _use_new_zipfile_serialization=new_format)
    torch.save(wav, tmp_path / "wav.pt", _use_new_zipfile_serialization=new_format)
    for name in ("a.pt", "wav.pt"):
        arrays = torch_file.read(tmp_path / name)
        assert list(arrays) == ["wav"]
        assert np.array_equal(arrays["wav"].values, wav.numpy())


def test_half_precision_and_gradients_are_read_as_numbers(tmp_path):
    weight = torch.nn.Parameter(torch.rand(3, 2).bfloat16())
    torch.save({"wav": weight, "n": torch.arange(3)}, tmp_path / "a.pt")
    arrays = torch_file.read(tmp_path / "a.pt")
    assert np.array_equal(arrays["wav"].values, weight.detach().float().numpy())
    assert arrays["n"].values.dtype == np.int64


def test_a_tensor_that_is_declared_as_terabytes_is_refused(tmp_path):
    torch.save({"wav": torch.zeros(1).expand(2**40)}, tmp_path / "a.pt")
    with pytest.raises(BadInputError, match="more than the file holds"):
        read_arrays(tmp_path / "a.pt")


@pytest.mark.parametrize("tensor", [torch.eye(3).to_sparse(), torch.zeros(3, dtype=torch.complex64)])
def test_a_tensor_that_is_not_plain_is_refused(tmp_path, tensor):
    torch.save({"wav": tensor}, tmp_path / "a.pt")
    with pytest.raises(BadInputError, match="not a plain tensor of numbers"):
        torch_file.read(tmp_path / "a.pt")


def test_a_compressed_checkpoint_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", bytes(2**24))
    with pytest.raises(BadInputError, match="compressed archive"):
        read_arrays(tmp_path / "a.pt")
