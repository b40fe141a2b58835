"""Arrays are read from files of every format. Hostile files are refused in one line and have no effect."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save

from mbias.errors import BadInputError
from mbias.exchange.arrays import read_arrays
from mbias.untrusted import read_npy, read_npz
from tests import hostile

WAV = np.random.default_rng(0).random((3, 4, 2, 3), dtype=np.float32)


def write(folder, suffix):
    """Write a valid file of a format that holds `WAV` as ``wav``."""
    path = folder / f"wav{suffix}"
    if suffix == ".npy":
        np.save(path, WAV)
    elif suffix == ".npz":
        np.savez_compressed(path, wav=WAV)
    elif suffix == ".safetensors":
        path.write_bytes(save({"wav": WAV}))
    elif suffix == ".pt":
        torch = pytest.importorskip("torch")
        torch.save({"wav": torch.from_numpy(WAV), "note": "a text"}, path)
    elif suffix == ".nc":
        h5netcdf = pytest.importorskip("h5netcdf")
        pytest.importorskip("h5py")
        with h5netcdf.File(path, "w") as file:
            file.dimensions = dict(zip(("sample", "segment", "modality", "category"), WAV.shape, strict=True))
            file.create_variable("wav", ("sample", "segment", "modality", "category"), data=WAV)
    else:
        zarr = pytest.importorskip("zarr")
        zarr.open_group(path, mode="w").create_array("wav", data=WAV)
    return path


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".safetensors", ".pt", ".nc", ".zarr"])
def test_every_format_is_read(tmp_path, suffix):
    path = write(tmp_path, suffix)
    arrays = read_arrays(path)
    assert list(arrays) == ["wav"]
    assert np.array_equal(arrays["wav"].values, WAV)
    assert arrays["wav"].axes in (None, ("sample", "segment", "modality", "category"))


KINDS = st.one_of(hnp.floating_dtypes(), hnp.integer_dtypes(), hnp.unsigned_integer_dtypes(), hnp.boolean_dtypes())


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(array=hnp.arrays(KINDS, hnp.array_shapes(min_dims=0, min_side=0, max_side=4)), fortran=st.booleans())
def test_any_array_of_numbers_is_read_as_it_was_saved(tmp_path, suffix, array, fortran):
    if fortran:
        array = np.asfortranarray(array)
    path = tmp_path / f"wav{suffix}"
    if suffix == ".npy":
        np.save(path, array)
    else:
        np.savez(path, wav=array)
    values = read_arrays(path)["wav"].values
    assert values.dtype == array.dtype
    np.testing.assert_array_equal(values, array)


def test_fortran_order_empty_and_scalar_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", f=np.asfortranarray(WAV), empty=np.zeros((0, 3)), scalar=np.float32(2))
    arrays = read_npz(tmp_path / "a.npz", "")
    assert np.array_equal(arrays["f"], WAV)
    assert arrays["empty"].shape == (0, 3)
    assert arrays["scalar"] == 2
    np.save(tmp_path / "f.npy", np.asfortranarray(WAV))
    assert np.array_equal(read_npy(tmp_path / "f.npy", ""), WAV)


def torch_with_code(proof, old):
    """Return a PyTorch file that executes code if it is unpickled without restrictions."""
    import io

    import torch

    buffer = io.BytesIO()
    torch.save({"wav": hostile.Executes(proof)}, buffer, _use_new_zipfile_serialization=not old)
    return buffer.getvalue()


HOSTILE = {
    "objects.npy": lambda proof: hostile.object_npy(proof),
    "pickle.npy": lambda proof: hostile.pickled(proof),
    "objects.npz": lambda proof: hostile.npz_of(hostile.object_npy(proof)),
    "pickle.npz": lambda proof: hostile.pickled(proof),
    "pickled member.npz": lambda proof: hostile.npz_of(hostile.pickled(proof)),
    "pickle.safetensors": lambda proof: hostile.pickled(proof),
    "pickle.pt": lambda proof: hostile.pickled(proof),
    "code.pt": lambda proof: torch_with_code(proof, old=False),
    "old code.pt": lambda proof: torch_with_code(proof, old=True),
    "pickle.nc": lambda proof: hostile.pickled(proof),
    "terabytes.npy": lambda proof: hostile.npy_header((2**40,)),
    "overflow.npy": lambda proof: hostile.npy_header((2**40, 2**40, 2**40)),
    "negative.npy": lambda proof: hostile.npy_header((-4, -4)),
    "strings.npy": lambda proof: hostile.npy_header((2**40,), descr="<U0"),
    "terabytes.npz": lambda proof: hostile.npz_of(hostile.npy_header((2**40,))),
    "lying.npz": lambda proof: hostile.lying_zip(hostile.npy_header((2**22,), body=bytes(2**24)), 2**31),
    "terabytes.safetensors": lambda proof: hostile.safetensors_header([2**40], (0, 2**42)),
    "overflow.safetensors": lambda proof: hostile.safetensors_header([2**40, 2**40]),
    "huge header.safetensors": lambda proof: hostile.huge_safetensors_header(),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_without_effect(tmp_path, name):
    if name.endswith("code.pt"):
        pytest.importorskip("torch")
    proof = tmp_path / "executed"
    path = tmp_path / name
    path.write_bytes(HOSTILE[name](proof))
    with pytest.raises(BadInputError) as error:
        read_arrays(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert not proof.exists()


def test_a_zip_bomb_is_refused_in_bounded_memory(tmp_path):
    """The archive unpacks from 5 MB to 1 GiB of zeros. The process may use a quarter of that."""
    path = tmp_path / "bomb.npz"
    hostile.zip_bomb(path, 2**30)
    code = f"""
import resource
resource.setrlimit(resource.RLIMIT_DATA, (2**28, 2**28))
from pathlib import Path
from mbias.untrusted import read_npz
from mbias.errors import BadInputError
try:
    read_npz(Path({str(path)!r}), "save it again")
except BadInputError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "1,073,741," in done.stdout
    assert "unpack to" in done.stdout
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".safetensors", ".pt", ".nc"])
def test_a_file_that_is_not_regular_is_not_opened(tmp_path, suffix):
    """Reading a pipe would block, and reading a device would never end."""
    os.mkfifo(tmp_path / f"pipe{suffix}")
    with pytest.raises(BadInputError, match="not a regular file"):
        read_arrays(tmp_path / f"pipe{suffix}")


def test_missing_files_and_unknown_formats_are_refused(tmp_path):
    with pytest.raises(BadInputError, match="there is no such file"):
        read_arrays(tmp_path / "a.npz")
    with pytest.raises(BadInputError, match="this format cannot be read"):
        read_arrays(tmp_path / "a.pkl")


def test_a_file_without_numbers_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz")
    with pytest.raises(BadInputError, match="holds no array of numbers"):
        read_arrays(tmp_path / "a.npz")
