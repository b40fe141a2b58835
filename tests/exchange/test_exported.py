"""A run is restored from the file to which it was exported."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mbias
from mbias.errors import BadInputError
from mbias.exchange.exported import read_exported
from tests.drawn_runs import draw_run

for needed in ("xarray", "h5py", "h5netcdf", "zarr"):
    pytest.importorskip(needed)


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
@pytest.mark.parametrize("modalities", [("audio", "visual"), ("audio", "visual", "text")])
def test_an_exported_run_is_restored_byte_for_byte(tmp_path, suffix, modalities):
    original = draw_run(tmp_path / "run", external=len(modalities) == 3, modalities=modalities)
    exported = mbias.export_run(original, tmp_path / f"run{suffix}")
    run = mbias.import_run(exported, tmp_path / "again")
    epochs = [f"epochs/{epoch:04d}.safetensors" for epoch in (1, 2, 3)]
    for name in ("run.json", "samples.csv", "epochs.jsonl", "truth.safetensors", *epochs):
        assert (original / name).read_bytes() == (run.path / name).read_bytes()


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_groups_survive(tmp_path, suffix):
    header = mbias.Header(("audio", "visual"), ("Dog",), ("joint",), "joint", "test", {"wav": ("sample", "modality")})
    samples = pd.DataFrame({"sample": ["a", "b", "c"], "group": ["001", "1", "001"]})
    writer = mbias.RunWriter.create(tmp_path / "run", header, samples)
    writer.commit({}, {"wav": np.full((3, 2), 0.5)})
    run = mbias.import_run(mbias.export_run(writer.path, tmp_path / f"run{suffix}"), tmp_path / "again")
    assert (run.path / "samples.csv").read_bytes() == (writer.path / "samples.csv").read_bytes()
    assert run.groups.tolist() == ["001", "1", "001"]


def test_a_file_from_another_program_is_not_an_exported_run(tmp_path):
    import xarray

    xarray.Dataset({"wav": ("sample", np.zeros(3))}).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    assert read_exported(tmp_path / "a.nc") is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"run": {}, "samples": "", "commits": []}'])
def test_a_damaged_description_is_refused(tmp_path, text):
    import xarray

    xarray.Dataset({"mbias": text, "wav": ("sample", np.zeros(3))}).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with pytest.raises(BadInputError, match=r"a\.nc: "):
        read_exported(tmp_path / "a.nc")


def test_a_missing_epoch_is_refused(tmp_path):
    import xarray

    mbias.export_run(draw_run(tmp_path / "run"), tmp_path / "run.nc")
    with xarray.load_dataset(tmp_path / "run.nc", engine="h5netcdf") as dataset:
        dataset.isel(epoch=slice(2)).to_netcdf(tmp_path / "cut.nc", engine="h5netcdf")
    with pytest.raises(BadInputError, match="'wav' does not hold the 3 epochs that it should"):
        mbias.import_run(tmp_path / "cut.nc", tmp_path / "again")
