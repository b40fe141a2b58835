"""Arrays are read from Zarr folders."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mbias.errors import BadInputError
from mbias.exchange.arrays import read_arrays
from mbias.exchange.readers import zarr_folder
from tests import hostile

zarr = pytest.importorskip("zarr")

WAV = np.random.default_rng(0).random((3, 4, 2, 3), dtype=np.float32)


@pytest.mark.parametrize("version", [2, 3])
def test_compressed_arrays_of_both_versions_are_read(tmp_path, version):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=version)
    group.create_array("wav", data=WAV, chunks=(2, 2, 2, 2))
    assert np.array_equal(zarr_folder.read(tmp_path / "a.zarr")["wav"].values, WAV)


def test_axes_and_the_names_along_them_are_read(tmp_path):
    xarray = pytest.importorskip("xarray")
    wav = xarray.DataArray(np.full((3, 2), 0.5), {"modality": ["audio", "見る"]}, ("sample", "modality"))
    xarray.Dataset({"wav": wav}).to_zarr(tmp_path / "a.zarr", zarr_format=2)
    arrays = zarr_folder.read(tmp_path / "a.zarr")
    assert list(arrays) == ["wav"]
    assert arrays["wav"].axes == ("sample", "modality")
    assert arrays["wav"].coordinates == {"modality": ("audio", "見る")}


def test_a_codec_that_unpickles_is_refused(tmp_path):
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
    with pytest.raises(BadInputError, match="codec 'pickle' is not allowed"):
        read_arrays(store)
    assert not proof.exists()


@pytest.mark.parametrize("change", [{"shape": [2**40]}, {"chunks": [2**40, 4, 2, 3]}])
def test_metadata_that_declares_terabytes_is_refused(tmp_path, change):
    store = tmp_path / "a.zarr"
    zarr.open_group(store, mode="w", zarr_format=2).create_array("wav", data=WAV)
    file = store / "wav" / ".zarray"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(BadInputError, match="unpack"):
        read_arrays(store)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    store = tmp_path / "a.zarr"
    zarr.open_group(store, mode="w").create_array("wav", data=WAV)
    (tmp_path / "secret").write_text("secret")
    (store / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(BadInputError, match="symbolic link"):
        read_arrays(store)
