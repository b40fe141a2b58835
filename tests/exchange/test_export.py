"""A run is exported to one labelled file."""

from __future__ import annotations

import numpy as np
import pytest

import mbias
from mbias.errors import BadInputError
from mbias.exchange.export import to_dataset
from tests.drawn_runs import draw_run

xarray = pytest.importorskip("xarray")
for needed in ("h5py", "h5netcdf", "zarr"):
    pytest.importorskip(needed)


def test_exported_arrays_are_labelled(tmp_path):
    run = mbias.Run(draw_run(tmp_path / "run"))
    assert mbias.export_run(run, tmp_path / "run.nc") == tmp_path / "run.nc"
    with xarray.open_dataset(tmp_path / "run.nc", engine="h5netcdf") as dataset:
        cell = {"modality": "visual", "category": "Dog", "video": "v0003"}
        assert np.array_equal(dataset["wav"].sel(epoch=2, **cell), run.array("wav", 2).sel(**cell))
        assert dataset["p"].sel(epoch_p=3).shape == run.values("p", 3).shape
        assert float(dataset["loss_wsl_optimised"].sel(epoch=1)) == run.commits[0].losses["wsl"]["optimised"]
        assert np.array_equal(dataset["truth_weak"], run.truth["weak"])


def test_a_run_is_exported_from_its_folder(tmp_path):
    path = draw_run(tmp_path / "run", epochs=1)
    assert mbias.export_run(str(path), str(tmp_path / "run.zarr")) == tmp_path / "run.zarr"
    assert xarray.open_zarr(tmp_path / "run.zarr")["wav"].sizes["epoch"] == 1


def test_truth_with_other_segments_than_the_arrays_has_its_own_dimension(tmp_path):
    pandas = pytest.importorskip("pandas")
    header = mbias.Header(("a", "b"), ("c",), ("joint",), "joint", "test", {"wav": ("sample", "segment", "modality")})
    truth = {"a": np.ones((3, 5, 1), bool)}
    writer = mbias.RunWriter.create(tmp_path / "run", header, pandas.DataFrame({"sample": ["x", "y", "z"]}), truth)
    writer.commit({"joint": {"optimised": 0.5}}, {"wav": np.full((3, 4, 2), 0.5)})
    assert to_dataset(mbias.Run(tmp_path / "run"))["truth_a"].dims == ("sample", "segment_of_truth", "category")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("run.csv", "exported as .nc or .zarr"),
        ("there.nc", "it exists already"),
        ("missing/run.nc", "there is no folder"),
    ],
)
def test_unsuitable_paths_are_refused(tmp_path, name, message):
    path = draw_run(tmp_path / "run", videos=2, epochs=1)
    (tmp_path / "there.nc").write_text("kept")
    with pytest.raises(BadInputError, match=message):
        mbias.export_run(path, tmp_path / name)
    assert (tmp_path / "there.nc").read_text() == "kept"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["run", "there.nc"]
