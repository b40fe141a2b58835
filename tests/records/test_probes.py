from __future__ import annotations

import numpy as np
import pytest

import mbias
from mbias import Run
from mbias.errors import BadInputError, NotApplicableError
from mbias.passes import WHOLE, Pass
from mbias.records.probes import read_probe, write_probe
from mbias.records.validate import probe_faults
from tests.drawn_runs import draw_run, fill_probe_with_nan


@pytest.fixture
def run(tmp_path):
    return Run(draw_run(tmp_path / "run", categories=4))


def test_what_is_written_is_read_back(run):
    joint = np.linspace(0, 1, 32).reshape(8, 4)
    outputs = {WHOLE: {"p_joint": joint}, Pass("mean", ("audio",)): {"p_joint": joint / 2}}
    mbias.write_probe(run.path, "best", outputs)
    probe = read_probe(run)

    assert (probe.epoch, probe.passes) == (3, tuple(outputs))
    np.testing.assert_allclose(probe.values(Pass("mean", ("audio",)), "p_joint"), joint / 2, rtol=1e-6)
    assert probe.draws("mean", ("audio",)) == [Pass("mean", ("audio",))]
    assert probe_faults(run) == []


def test_a_draw_of_numpy_is_written(run):
    joint = np.zeros((8, 4))
    drawn = Pass("permuted", ("audio",), np.int64(2))
    write_probe(run, "last", {WHOLE: {"p_joint": joint}, drawn: {"p_joint": joint}}, draws=3)

    assert read_probe(run).passes[1] == Pass("permuted", ("audio",), 2)


@pytest.mark.parametrize("name", ["format", "version", "shard_sha256", "passes", "bytes", "sha256"])
def test_what_is_said_about_a_probe_shadows_no_field(run, name):
    before = (run.path / "probe" / "probe.json").read_bytes()

    with pytest.raises(BadInputError, match=f"'{name}' is a field of probe.json already; rename it"):
        write_probe(run, "last", {WHOLE: {"p_joint": np.zeros((8, 4))}}, **{name: 1})
    assert (run.path / "probe" / "probe.json").read_bytes() == before


def test_donors_of_several_modalities_are_read_back(run):
    joint, both = np.zeros((8, 4)), Pass("permuted", ("audio", "visual"))
    rows = np.stack([np.roll(np.arange(8), 1), np.roll(np.arange(8), 3)], axis=1)
    write_probe(run, "last", {WHOLE: {"p_joint": joint}, both: {"p_joint": joint, "donors": rows}})
    kept = read_probe(run).values(both, "donors")

    np.testing.assert_array_equal(kept, rows)
    assert kept.dtype == np.int64
    assert probe_faults(run) == []


def test_a_pass_without_donors_is_readable(run):
    joint, both = np.zeros((8, 4)), Pass("permuted", ("audio", "visual"))
    write_probe(run, "last", {WHOLE: {"p_joint": joint}, both: {"p_joint": joint}})
    probe = read_probe(run)

    np.testing.assert_array_equal(probe.values(both, "p_joint"), joint)
    with pytest.raises(NotApplicableError, match="was recorded without the rows of its donors 'donors'; run `mbias"):
        probe.values(both, "donors")


def test_a_probe_of_an_older_training_is_refused(run):
    index = run.path / "probe" / "probe.json"
    index.write_text(index.read_text().replace(run.commits[-1].sha256, "0" * 64))

    with pytest.raises(BadInputError, match=r"the run was trained again after it was probed"):
        read_probe(Run(run.path))


def test_a_cut_probe_is_refused(run):
    file = run.path / "probe" / "outputs.safetensors"
    file.write_bytes(file.read_bytes()[:-8])

    with pytest.raises(BadInputError, match=r"not the file that probe\.json describes"):
        read_probe(run)


def test_a_probe_that_lacks_the_whole_or_has_other_samples_is_not_written(run):
    with pytest.raises(BadInputError, match="needs the pass in which nothing is replaced"):
        write_probe(run, "last", {Pass("mean", ("audio",)): {}})
    with pytest.raises(BadInputError, match=r"has the shape \(3, 4\); for this run it must be 8 x 4"):
        write_probe(run, "last", {WHOLE: {"p_joint": np.zeros((3, 4))}})


def test_values_that_are_no_probabilities_are_damage(run):
    fill_probe_with_nan(run.path)
    (fault,) = probe_faults(run)

    assert fault.startswith(f"{run.path / 'probe'}: the pass ")
    assert "'p_joint' holds NaN or infinity" in fault
    with pytest.raises(BadInputError, match="holds NaN or infinity") as error:
        read_probe(run).values(Pass("mean", ("audio",)), "p_joint")
    assert not isinstance(error.value, NotApplicableError)


def test_a_pass_that_was_not_recorded_does_not_apply(run):
    write_probe(run, "last", {WHOLE: {"p_joint": np.zeros((8, 4))}})
    probe = read_probe(run)

    with pytest.raises(NotApplicableError, match="no pass with audio replaced by 'mean'; run `mbias probe"):
        probe.values(Pass("mean", ("audio",)), "p_joint")
    with pytest.raises(NotApplicableError, match="was recorded without probabilities of segments 'p'"):
        probe.values(WHOLE, "p")


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({Pass("mean", ("audo",)): {}}, "unknown modality 'audo'; take audio, visual"),
        ({Pass("mean", ("audio",)): {"q": np.zeros(8)}}, "unknown output 'q'; take donors, p_joint, p"),
        ({Pass("mean", ("audio",)): {"p_joint": np.full((8, 4), 7.0)}}, "'p_joint' holds 7 to 7, which are not probab"),
        (
            {Pass("swapped", ("audio",)): {"p_joint": np.zeros((8, 4)), "donors": np.full(8, 8)}},
            "neither the row of a sample nor -1$",
        ),
        ({Pass("swapped", ("audio",)): {"donors": np.zeros((8, 1))}}, r"\(8, 1\); for this run it must be 8$"),
        ({Pass("permuted", ("audio", "visual")): {"donors": np.zeros(8)}}, r"\(8,\); for this run it must be 8 x 2$"),
    ],
)
def test_wrong_outputs_are_not_written(run, outputs, message):
    before = (run.path / "probe" / "outputs.safetensors").read_bytes()

    with pytest.raises(BadInputError, match=message):
        write_probe(run, "last", {WHOLE: {"p_joint": np.zeros((8, 4))}, **outputs})
    assert (run.path / "probe" / "outputs.safetensors").read_bytes() == before


def test_some_samples_or_categories_are_those_of_the_whole_output(run):
    probe = read_probe(run)
    for of_pass in probe.passes:
        whole = probe.values(of_pass, "p_joint")
        assert probe.values(of_pass, "p_joint", np.array([2, 0])).tolist() == whole[[2, 0]].tolist()
        assert probe.values(of_pass, "p_joint", categories=slice(1, 2)).tolist() == whole[:, 1:2].tolist()
