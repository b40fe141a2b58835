from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mbias import Pass, Run, RunWriter, Study, open_study, validate, write_probe
from mbias.errors import BadInputError
from mbias.records.run import SAMPLES
from mbias.records.validate import faults
from tests.records.written import header, written_run


@pytest.mark.parametrize("path", [None, 42, "", ["run"], "x" * 5000, "a\0b"])
def test_what_is_not_a_path_of_a_run_is_refused(path):
    with pytest.raises(BadInputError, match=r"is not a path of a run.*; give the folder of a run"):
        Run(path)


def test_a_folder_of_runs_or_a_file_is_not_a_run(tmp_path):
    run = written_run(tmp_path / "study" / "a")
    written_run(tmp_path / "study" / "b")
    with pytest.raises(BadInputError, match="study: a folder of 2 runs; give one of them"):
        Run(tmp_path / "study")
    for opened in (Run, open_study, validate):
        with pytest.raises(BadInputError, match="is a file; give the folder of a run"):
            opened(run / SAMPLES)


def test_a_truncated_header_and_samples_that_do_not_fit_are_named(run_path):
    samples = run_path / SAMPLES
    samples.write_text("".join(samples.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(BadInputError, match=r"samples\.csv has 5 rows, array 'wav' in .*0003\.safetensors 6; restore"):
        Run(run_path).values("wav")
    with pytest.raises(BadInputError, match=r"samples\.csv has 5 rows, array 'audio' in .*truth\.safetensors 6"):
        _ = Run(run_path).truth
    (run_path / "run.json").write_text("{")
    with pytest.raises(BadInputError, match="damaged; restore the file, or leave the run out"):
        Run(run_path)


def test_nan_on_disk_and_repeated_samples_are_damage(run_path):
    shard = run_path / Run(run_path).commits[-1].shard
    value = Run(run_path).values("wav").ravel()[0].tobytes()
    shard.write_bytes(shard.read_bytes().replace(value, np.float32(np.nan).tobytes(), 1))
    with pytest.raises(BadInputError, match=r"0003\.safetensors: array 'wav' holds NaN or infinity"):
        Run(run_path).values("wav")
    samples = run_path / SAMPLES
    samples.write_text(samples.read_text().replace("v1", "v0"))
    assert "sample 'v0' has several rows" in faults(run_path)[0]


@pytest.mark.parametrize("runs", [(), [], None, "run", ["run"]])
def test_a_study_holds_runs(runs):
    with pytest.raises(BadInputError, match="Study: "):
        Study(runs)


def test_a_selection_names_values_that_are_known(run_path):
    study = Study([Run(run_path)])
    assert study.runs == tuple(study)
    for given in ({"smoothing": 3.5}, {"run": study.runs[0]}, {"smoothing": []}, {"seed": np.int64(3)}):
        with pytest.raises(BadInputError, match=r"the study has|no run of the study has"):
            study.select(**given)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modalities": "audio"}, "modalities: 'audio' is a string"),
        ({"categories": None}, "categories: None is not a sequence"),
        ({"arrays": {"wav": "sample modality"}}, "'wav'.*is a string"),
        ({"split": None}, "split: None"),
        ({"training": {"variant": 3}}, "training: "),
    ],
)
def test_a_header_names_the_field_of_a_wrong_type(changes, message):
    with pytest.raises(BadInputError, match=message):
        header(**changes)


@pytest.mark.parametrize("truth", [{"audio": np.full((1, 2, 3), 0.5)}, {"weak": np.array([["x"] * 3])}, {"smell": 1}])
def test_truth_is_boolean_and_named(tmp_path, truth):
    with pytest.raises(BadInputError, match=f"truth '{next(iter(truth))}'"):
        RunWriter.create(tmp_path / "run", header(), pd.DataFrame({"video": ["a"]}), truth)
    (tmp_path / "file").touch()
    with pytest.raises(BadInputError, match="is a file"):
        RunWriter.create(tmp_path / "file" / "run", header(), pd.DataFrame({"video": ["a"]}))


@pytest.mark.parametrize("losses", [None, {"wsl": None}, {"wsl": 0.5}, {"wsl": {"optimized": 0.5}}])
def test_losses_have_kinds_and_numbers(run_path, losses):
    with pytest.raises(BadInputError, match="loss"):
        RunWriter.reopen(run_path).commit(losses, {})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"header": None}, "header: None is not a Header; give"),
        ({"header": {"modalities": ("audio", "visual")}}, "header: .* is not a Header; give"),
        ({"samples": None}, "samples: None is not a table; give a DataFrame"),
        ({"samples": ["a", "b"]}, "samples: .* is not a table; give a DataFrame"),
        ({"samples": pd.DataFrame()}, "samples: .* is not a table; give a DataFrame"),
        ({"truth": []}, r"truth: \[\] is not a dict; give"),
        ({"truth": np.zeros((1, 3))}, "truth: .* is not a dict; give"),
        (
            {"truth": {"weak": [[0, 1, 0], [1]]}},
            "truth 'weak': .* does not hold numbers; task 'multilabel' needs 0 or 1",
        ),
        ({"truth": {"weak": None}}, "truth 'weak': None does not hold numbers; task 'multilabel' needs 0 or 1"),
    ],
)
def test_a_run_is_created_from_a_header_and_tables(tmp_path, given, message):
    arguments = {"header": header(), "samples": pd.DataFrame({"video": ["a"]}), "truth": None, **given}
    with pytest.raises(BadInputError, match=message) as error:
        RunWriter.create(tmp_path / "run", **arguments)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "array",
    [
        np.full((6, 3), "0.5"),
        np.full((6, 3), None),
        np.full((6, 3), 1j),
        [[0.5] * 3, [0.5]],
        None,
        {"p": 1},
    ],
)
def test_arrays_hold_numbers(run_path, array):
    before = (run_path / "epochs.jsonl").read_bytes()
    with pytest.raises(BadInputError, match="array 'p_joint' does not hold numbers; give"):
        RunWriter.reopen(run_path).commit({}, {"p_joint": array})
    assert (run_path / "epochs.jsonl").read_bytes() == before


@pytest.mark.parametrize("draw", ["0", None, 0.0, True, -1])
def test_a_draw_is_a_number_from_0(draw):
    with pytest.raises(BadInputError, match=r"Pass: draw: .* is not the number of a draw; give 0 or more"):
        Pass("permuted", ("audio",), draw)


@pytest.mark.parametrize("arguments", [("mean",), ("", ("audio",)), ("median", ("audio",)), ("mean", "audio")])
def test_a_pass_has_a_baseline_and_modalities(arguments):
    with pytest.raises(BadInputError, match="Pass: "):
        Pass(*arguments)


def test_a_wrong_probe_is_not_written(run_path):
    whole = {"p_joint": np.zeros((6, 3))}
    swapped = Pass("mean", ("visual", "audio"))
    for outputs in (None, {Pass(): {}}, {Pass(): 3}, {Pass(): whole, "mean": whole}, {Pass(): whole, swapped: whole}):
        with pytest.raises(BadInputError):
            write_probe(run_path, "last", outputs)
    with pytest.raises(BadInputError, match="not JSON"):
        write_probe(run_path, "last", {Pass(): whole}, note=object())
    assert not (run_path / "probe").exists()
