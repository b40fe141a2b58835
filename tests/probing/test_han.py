"""Probing a trained HAN."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mbias.analysis.reliance import measures
from mbias.errors import BadInputError, NotApplicableError
from mbias.han.network import HAN
from mbias.passes import WHOLE, Pass
from mbias.probing.han import passes, probe
from mbias.records.probes import read_probe
from mbias.records.run import Run
from mbias.records.study import open_study
from mbias.terms import Split, Variant
from mbias.training.data import Data, Videos, load_data
from tests.training.runs import train


def _network(run):
    model = HAN(Variant(run.variant)).eval()
    model.load_state_dict(load_file(run.path / "checkpoints" / "best.safetensors"))
    return model


def test_every_pass_is_kept_and_the_first_equals_the_record(run):
    kept = read_probe(run)

    assert list(kept.passes) == passes(Variant(run.variant), 2)
    assert len(kept.passes) == 7 + 5 * 2 + 2
    np.testing.assert_array_equal(kept.values(WHOLE, "p_joint"), run.values("p_joint", "best"))


def test_the_mean_replaces_a_modality(run, data):
    model, test, train = _network(run), data.videos[Split.TEST], data.videos[Split.TRAIN]
    audio, frames, motion = test.features.values()
    mean = train.features["audio"].mean(dim=(0, 1)).expand_as(audio)
    with torch.no_grad():
        expected = model(mean, frames, motion).wsl

    np.testing.assert_allclose(read_probe(run).values(Pass("mean", ("audio",)), "p_joint"), expected, atol=1e-6)


def test_a_donor_shares_no_label_and_gives_its_frames(run, data):
    model, test, kept = _network(run), data.videos[Split.TEST], read_probe(run)
    swapped = Pass("swapped", ("visual",), 1)
    rows = kept.values(swapped, "donors")
    drawn = rows >= 0
    labels = test.labels.numpy() > 0
    with torch.no_grad():
        audio, frames, motion = test.features.values()
        expected = model(audio, frames[rows.clip(0)], motion[rows.clip(0)]).wsl

    assert drawn.any()
    assert not (labels[drawn] & labels[rows[drawn]]).any()
    np.testing.assert_allclose(kept.values(swapped, "p_joint")[drawn], expected[drawn], atol=1e-6)


def test_replacement_in_cross_attention_leaves_the_modality_s_own_branch_unchanged(run, data):
    """With frames replaced only where audio attends to them, P of the visual branch does not change."""
    kept = read_probe(run)
    whole, cross = kept.values(WHOLE, "p"), kept.values(Pass("cross", ("visual",)), "p")

    np.testing.assert_allclose(cross[:, :, 1], whole[:, :, 1], atol=1e-6)
    assert np.abs(cross[:, :, 0] - whole[:, :, 0]).max() > 1e-4


def test_only_variants_with_cross_attention_have_its_passes():
    assert "cross" not in [current.baseline for current in passes(Variant.ASELF_VSELF, 1)]
    crossed = [current for current in passes(Variant.ACROSS_VSELF, 1) if current.baseline == "cross"]
    assert crossed == [Pass("cross", ("visual",))]


def test_two_permuted_modalities_come_from_different_videos(run):
    kept = read_probe(run)
    audio, visual = (kept.values(Pass("permuted", (name,)), "donors") for name in ("audio", "visual"))

    assert sorted(audio) == sorted(visual) == list(range(20))
    assert (audio != visual).any()
    both = kept.values(Pass("permuted", ("audio", "visual")), "donors")
    np.testing.assert_array_equal(both, np.stack([audio, visual], axis=1))


def test_donors_come_from_other_groups(run, data, tmp_path):
    shutil.copytree(run.path, tmp_path / "run")
    samples = run.samples.assign(group=["x", "x", "y", "z"] * 5)
    samples.to_csv(tmp_path / "run" / "samples.csv", index=False)
    grouped = Run(tmp_path / "run")
    probe(grouped, data, torch.float32, draws=2)
    kept, groups = read_probe(grouped), grouped.groups
    drawn = [current for current in kept.passes if current.baseline in ("permuted", "swapped")]

    assert len(drawn) == 10
    for current in drawn:
        rows = kept.values(current, "donors").reshape(len(groups), -1)
        assert ((groups[rows] != groups[:, None]) | (rows < 0)).all()


def test_other_data_and_changed_weights_are_refused(run, data, tmp_path):
    changed = dataclasses.replace(data, splits={**data.splits, Split.TRAIN: data.splits[Split.VAL]})
    with pytest.raises(BadInputError, match="trained on other data"):
        probe(run, changed, torch.float32)

    path = run.path / "checkpoints" / "last.safetensors"
    weights = load_file(path)
    kept = path.read_bytes()
    weights["fc_prob.bias"] += 3
    save_file(weights, path)
    try:
        with pytest.raises(BadInputError, match="p_wsl differs from the recorded one by"):
            probe(run, data, torch.float32, epoch="last")
    finally:
        path.write_bytes(kept)


def test_a_run_on_other_features_is_probed_and_refuses_other_widths(tmp_path, data, clip_directory, config):
    """Of two streams named otherwise: CLAP's, and CLIP's alone."""
    clip = load_data(clip_directory, Split.TEST, torch.device("cpu"))
    names, streams = ("sound", "clip"), clip.streams[:2]
    renamed = tuple(dataclasses.replace(stream, name=name) for name, stream in zip(names, streams, strict=True))
    two = Data(
        {split: dataclasses.replace(opened, streams=renamed) for split, opened in clip.splits.items()},
        {
            split: Videos(dict(zip(names, videos.features.values(), strict=False)), videos.labels)
            for split, videos in clip.videos.items()
        },
    )
    train(tmp_path / "run", two, dataclasses.replace(config, epochs=1))
    run = Run(tmp_path / "run")
    probe(run, two, torch.float32, draws=1)
    kept, model, test = read_probe(run), HAN(Variant(run.variant), renamed).eval(), two.videos[Split.TEST]
    model.load_state_dict(load_file(run.path / "checkpoints" / "best.safetensors"))
    rows = kept.values(Pass("permuted", ("visual",)), "donors")
    with torch.no_grad():
        expected = model(test.features["sound"], test.features["clip"][rows]).wsl
    np.testing.assert_allclose(kept.values(Pass("permuted", ("visual",)), "p_joint"), expected, atol=1e-6)
    cross = kept.values(Pass("cross", ("visual",)), "p")
    np.testing.assert_allclose(cross[:, :, 1], kept.values(WHOLE, "p")[:, :, 1], atol=1e-6)

    with pytest.raises(
        BadInputError, match="run: the data have 2 visual streams, 'frames', 'motion', but this run was"
    ):
        probe(run, clip, torch.float32)
    train(tmp_path / "three", clip, dataclasses.replace(config, epochs=1))
    with pytest.raises(BadInputError, match="three: the stream 'audio' is 128 wide, but this run was trained on 768"):
        probe(Run(tmp_path / "three"), data, torch.float32)


def test_reliance_of_a_trained_run_adds_up(run):
    try:
        table = measures(open_study(run.path))
    except NotApplicableError as error:
        assert "no category has" in str(error)
        return
    rows = table[table["measure"] == "Shapley (p, mean)"]
    assert len(rows) == 2
