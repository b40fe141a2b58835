from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from mbias.analysis.reliance import measures
from mbias.cli import probe as command
from mbias.cli.common import run as run_command
from mbias.errors import BadInputError
from mbias.han.network import HAN
from mbias.probing.han import derangement, donors, passes, probe
from mbias.records.probes import WHOLE, Pass, read_probe
from mbias.records.run import Run
from mbias.records.study import open_study
from mbias.terms import PRESETS, Split, Variant
from mbias.training.config import Settings
from mbias.training.fit import fit

SETTINGS = Settings(smoothing=PRESETS["ls_v"], epochs=2, precision="float32")


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("probe") / "run"
    fit(SETTINGS, data, path, lambda _: None)
    probe(Run(path), data, torch.float32, draws=2)
    return Run(path)


def _network(run):
    from safetensors.torch import load_file

    model = HAN(SETTINGS.variant).eval()
    model.load_state_dict(load_file(run.path / "checkpoints" / "best.safetensors"))
    return model


def test_every_pass_is_kept_and_the_whole_is_what_was_recorded(run):
    kept = read_probe(run)

    assert list(kept.passes) == passes(SETTINGS.variant, 2)
    assert len(kept.passes) == 7 + 5 * 2 + 2
    np.testing.assert_array_equal(kept.values(WHOLE, "p_joint"), run.values("p_joint", "best"))


def test_the_mean_stands_in_for_a_modality(run, data):
    model, test, train = _network(run), data.videos[Split.TEST], data.videos[Split.TRAIN]
    mean = train.audio.mean(dim=(0, 1)).expand_as(test.audio)
    with torch.no_grad():
        expected = model(mean, test.frames, test.motion).wsl

    np.testing.assert_allclose(read_probe(run).values(Pass("mean", ("audio",)), "p_joint"), expected, atol=1e-6)


def test_a_donor_shares_no_label_and_gives_its_picture(run, data):
    model, test, kept = _network(run), data.videos[Split.TEST], read_probe(run)
    one = Pass("swapped", ("visual",), 1)
    rows = kept.values(one, "donors")
    has = rows >= 0
    labels = test.labels.numpy() > 0
    with torch.no_grad():
        expected = model(test.audio, test.frames[rows.clip(0)], test.motion[rows.clip(0)]).wsl

    assert has.any()
    assert not (labels[has] & labels[rows[has]]).any()
    np.testing.assert_allclose(kept.values(one, "p_joint")[has], expected[has], atol=1e-6)


def test_in_cross_attention_alone_the_own_branch_is_untouched(run, data):
    """With the picture replaced only where audio attends to it, P of the visual branch stays as it was."""
    kept = read_probe(run)
    whole, cross = kept.values(WHOLE, "p"), kept.values(Pass("cross", ("visual",)), "p")

    np.testing.assert_allclose(cross[:, :, 1], whole[:, :, 1], atol=1e-6)
    assert np.abs(cross[:, :, 0] - whole[:, :, 0]).max() > 1e-4


def test_a_variant_without_cross_attention_has_no_such_pass():
    assert not [one for one in passes(Variant.ASELF_VSELF, 1) if one.baseline == "cross"]
    assert [one.replaced for one in passes(Variant.ACROSS_VSELF, 1) if one.baseline == "cross"] == [("visual",)]


def test_both_permuted_come_from_different_videos(run):
    kept = read_probe(run)
    audio, visual = (kept.values(Pass("permuted", (name,)), "donors") for name in ("audio", "visual"))

    assert sorted(audio) == sorted(visual) == list(range(20))
    assert (audio != visual).any()


@pytest.mark.parametrize("size", [2, 3, 50])
def test_nothing_keeps_its_place(size):
    moved = derangement(size, np.random.default_rng(size))

    assert sorted(moved) == list(range(size))
    assert (moved != np.arange(size)).all()


def test_a_sample_that_shares_a_label_with_all_has_no_donor():
    labels = np.array([[1, 1], [1, 0], [0, 1], [0, 0]], dtype=bool)

    assert list(donors(labels, np.random.default_rng(0))) == [-1, 2, 1, *donors(labels, np.random.default_rng(0))[3:]]


def test_the_command_probes_and_the_analysis_reads_it(run, directory, capsys):
    import argparse

    parser = argparse.ArgumentParser("mbias")
    command.add_commands(parser.add_subparsers())
    arguments = ["probe", str(run.path), "--data", str(directory), "--draws", "1"]

    assert run_command(parser, arguments) == 0
    assert "14 passes over 20 videos" in capsys.readouterr().out
    assert run_command(parser, [*arguments[:-1], "0"]) == 2
    assert "--draws is 0" in capsys.readouterr().err
    assert run_command(parser, ["probe", str(run.path)]) == 2
    assert "give --data DIR" in capsys.readouterr().err


def test_other_data_and_other_weights_are_refused(run, data, tmp_path):
    other = dataclasses.replace(data, splits={**data.splits, Split.TRAIN: data.splits[Split.VAL]})
    with pytest.raises(BadInputError, match="trained on other data"):
        probe(run, other, torch.float32)

    from safetensors.torch import load_file, save_file

    path = run.path / "checkpoints" / "last.safetensors"
    weights = load_file(path)
    kept = path.read_bytes()
    weights["fc_prob.bias"] += 3
    save_file(weights, path)
    try:
        with pytest.raises(BadInputError, match="off the recorded one"):
            probe(run, data, torch.float32, epoch="last")
    finally:
        path.write_bytes(kept)


def test_reliance_of_a_trained_run_adds_up(run):
    try:
        table = measures(open_study(run.path))
    except BadInputError as error:
        assert "no category has" in str(error)
        return
    rows = table[table["measure"] == "Shapley (p, mean)"]
    assert len(rows) == 2
