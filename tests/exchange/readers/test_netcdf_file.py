"""Variables are read from netCDF-4 files."""

from __future__ import annotations

import numpy as np
import pytest

from mbias.errors import BadInputError
from mbias.exchange.arrays import read_arrays
from mbias.exchange.readers import netcdf_file

h5py = pytest.importorskip("h5py")
pytest.importorskip("h5netcdf")


def test_axes_and_the_names_along_them_are_read(tmp_path):
    xarray = pytest.importorskip("xarray")
    wav = xarray.DataArray(np.full((3, 2), 0.5), {"modality": ["audio", "見る"]}, ("sample", "modality"))
    seen = xarray.DataArray(np.array([True, False, True]), dims=("sample",))
    xarray.Dataset({"wav": wav, "seen": seen}).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    arrays = netcdf_file.read(tmp_path / "a.nc")
    assert sorted(arrays) == ["seen", "wav"]
    assert arrays["wav"].axes == ("sample", "modality")
    assert arrays["wav"].coordinates == {"modality": ("audio", "見る")}
    assert arrays["seen"].values.dtype == bool


def test_a_file_without_dimensions_has_no_axes(tmp_path):
    with h5py.File(tmp_path / "a.nc", "w") as file:
        file["wav"] = np.full((3, 2), 0.5)
    assert netcdf_file.read(tmp_path / "a.nc")["wav"].axes is None


@pytest.mark.parametrize("kind", ["external", "link", "terabytes"])
def test_a_file_that_takes_data_from_elsewhere_is_refused(tmp_path, kind):
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret!!" * 8)
    with h5py.File(tmp_path / "a.nc", "w") as file:
        if kind == "external":
            file.create_dataset("wav", (16,), "f4", external=[(str(secret), 0, 64)])
        elif kind == "link":
            file["wav"] = h5py.ExternalLink(str(secret), "/x")
        else:
            file.create_dataset("wav", (2**42,), "f4", chunks=(1024,))
    with pytest.raises(BadInputError, match=r"another file|is a link|unpack"):
        read_arrays(tmp_path / "a.nc")
