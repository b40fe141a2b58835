"""Arrays from anyone's files: what is sound is read, what is hostile is refused in one line and does nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save

from mbias.errors import BadInputError
from mbias.exchange.arrays import read_arrays
from mbias.untrusted import read_npy, read_npz
from tests import hostile

WAV = np.random.default_rng(0).random((3, 4, 2, 3), dtype=np.float32)


def written(folder, suffix):
    """A sound file of each format, that holds `WAV` as ``wav``."""
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
    path = written(tmp_path, suffix)
    arrays = read_arrays(path)
    assert list(arrays) == ["wav"]
    assert np.array_equal(arrays["wav"].values, WAV)
    assert arrays["wav"].axes in (None, ("sample", "segment", "modality", "category"))


def test_fortran_order_empty_and_scalar_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", f=np.asfortranarray(WAV), empty=np.zeros((0, 3)), one=np.float32(2))
    arrays = read_npz(tmp_path / "a.npz", "")
    assert np.array_equal(arrays["f"], WAV)
    assert arrays["empty"].shape == (0, 3)
    assert arrays["one"] == 2
    np.save(tmp_path / "f.npy", np.asfortranarray(WAV))
    assert np.array_equal(read_npy(tmp_path / "f.npy", ""), WAV)


def torch_with_code(proof, old):
    """A file of PyTorch's that runs code where it is unpickled without care."""
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
def test_hostile_files_are_refused_and_do_nothing(tmp_path, name):
    proof = tmp_path / "executed"
    path = tmp_path / name
    path.write_bytes(HOSTILE[name](proof))
    with pytest.raises(BadInputError) as error:
        read_arrays(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert not proof.exists()


def test_tensor_of_terabytes_by_strides_is_refused(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({"wav": torch.zeros(1).expand(2**40)}, tmp_path / "a.pt")
    with pytest.raises(BadInputError, match="more than the file holds"):
        read_arrays(tmp_path / "a.pt")


def test_compressed_checkpoint_is_refused(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", bytes(2**24))
    with pytest.raises(BadInputError, match="compressed archive"):
        read_arrays(tmp_path / "a.pt")


def test_zip_bomb_is_refused_in_bounded_memory(tmp_path):
    """1 GiB of zeros in 5 MB, read where only a quarter of it may be had."""
    path = tmp_path / "bomb.npz"
    hostile.zip_bomb(path, 2**30)
    code = f"""
import resource
resource.setrlimit(resource.RLIMIT_DATA, (2**28, 2**28))
from pathlib import Path
from mbias.untrusted import read_npz
from mbias.errors import BadInputError
try:
    read_npz(Path({str(path)!r}), "mend it")
except BadInputError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "that unpack to 1,073,741," in done.stdout
    assert done.stdout.count("\n") == 1


def test_zarr_that_unpickles_is_refused(tmp_path):
    pytest.importorskip("zarr")
    proof = tmp_path / "executed"
    store = tmp_path / "a.zarr"
    (store / "wav").mkdir(parents=True)
    (store / ".zgroup").write_text('{"zarr_format": 2}')
    metadata = {
        "zarr_format": 2,
        "shape": [1],
        "chunks": [1],
        "dtype": "|O",
        "compressor": None,
        "fill_value": None,
        "order": "C",
        "filters": [{"id": "pickle"}],
    }
    (store / "wav" / ".zarray").write_text(json.dumps(metadata))
    (store / "wav" / "0").write_bytes(hostile.pickled(proof))
    with pytest.raises(BadInputError, match="codec 'pickle' is not run"):
        read_arrays(store)
    assert not proof.exists()


@pytest.mark.parametrize("change", [{"shape": [2**40]}, {"chunks": [2**40, 4, 2, 3]}])
def test_zarr_that_promises_terabytes_is_refused(tmp_path, change):
    zarr = pytest.importorskip("zarr")
    store = tmp_path / "a.zarr"
    zarr.open_group(store, mode="w", zarr_format=2).create_array("wav", data=WAV)
    file = store / "wav" / ".zarray"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(BadInputError, match="unpack"):
        read_arrays(store)


def test_zarr_with_a_link_out_of_it_is_refused(tmp_path):
    zarr = pytest.importorskip("zarr")
    store = tmp_path / "a.zarr"
    zarr.open_group(store, mode="w").create_array("wav", data=WAV)
    (tmp_path / "secret").write_text("secret")
    (store / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(BadInputError, match="symbolic link"):
        read_arrays(store)


@pytest.mark.parametrize("how", ["external", "link", "terabytes"])
def test_netcdf_that_takes_from_elsewhere_is_refused(tmp_path, how):
    h5py = pytest.importorskip("h5py")
    pytest.importorskip("h5netcdf")
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret!!" * 8)
    with h5py.File(tmp_path / "a.nc", "w") as file:
        if how == "external":
            file.create_dataset("wav", (16,), "f4", external=[(str(secret), 0, 64)])
        elif how == "link":
            file["wav"] = h5py.ExternalLink(str(secret), "/x")
        else:
            file.create_dataset("wav", (2**42,), "f4", chunks=(1024,))
    with pytest.raises(BadInputError, match=r"another file|is a link|unpack"):
        read_arrays(tmp_path / "a.nc")


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".safetensors", ".pt", ".nc"])
def test_what_is_no_regular_file_is_not_opened(tmp_path, suffix):
    """A pipe would be waited for, a device never ends."""
    os.mkfifo(tmp_path / f"pipe{suffix}")
    with pytest.raises(BadInputError, match="no regular file"):
        read_arrays(tmp_path / f"pipe{suffix}")


def test_missing_and_unknown_files(tmp_path):
    with pytest.raises(BadInputError, match="there is no such file"):
        read_arrays(tmp_path / "a.npz")
    with pytest.raises(BadInputError, match="no format that is read"):
        read_arrays(tmp_path / "a.pkl")
