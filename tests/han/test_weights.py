"""Weights are written for the original's code and read back, through files."""

from __future__ import annotations

import argparse
import json

import pytest
import torch
from safetensors.torch import save_file

from mbias.cli import evaluate
from mbias.cli.common import run
from mbias.errors import BadInputError
from mbias.han.network import HAN
from mbias.han.weights import load_original, read_weights, to_original, write_original
from mbias.llp.streams.presets import CLIP_CLAP_STREAMS, HAN_STREAMS
from mbias.llp.streams.recorded import streams_to_json
from mbias.records.header import Header
from tests import hostile
from tests.drawn_runs import draw_run


@pytest.fixture
def model():
    torch.manual_seed(1)
    return HAN("across_vself")


def equal(first, second):
    left, right = first.state_dict(), second.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def test_the_weights_of_a_run_load_in_the_original(tmp_path, model, capsys):
    path = draw_run(tmp_path / "run", "across_vself")
    (path / "checkpoints").mkdir()
    save_file(model.state_dict(), path / "checkpoints" / "best.safetensors")
    parser = argparse.ArgumentParser("mbias")
    evaluate.add_commands(parser.add_subparsers())
    assert run(parser, ["export-weights", str(path), "--out", str(tmp_path / "original.pt")]) == 0
    written = torch.load(tmp_path / "original.pt", weights_only=True)
    # strict=True needs exactly the names and shapes of the original's state dict.
    assert {name: tuple(w.shape) for name, w in written.items()} == {
        name: tuple(w.shape) for name, w in to_original(HAN("across_vcross")).items()
    }
    assert equal(read_weights(tmp_path / "original.pt", "across_vself"), model)
    assert equal(read_weights(path / "checkpoints" / "best.safetensors", "across_vself"), model)


def test_an_original_checkpoint_gives_the_same_outputs(tmp_path, model):
    generator = torch.Generator().manual_seed(1)
    features = [torch.randn(3, *shape, generator=generator) for shape in ((10, 128), (80, 2048), (10, 512))]
    torch.save(to_original(model), tmp_path / "original.pt")
    again = load_original(tmp_path / "original.pt", "across_vself")
    assert torch.equal(again.eval()(*features).wsl, model.eval()(*features).wsl)


def test_weights_saved_from_several_devices_are_read(model):
    wrapped = {f"module.{name}": weight for name, weight in to_original(model).items()}
    assert equal(load_original(wrapped, "across_vself"), model)


@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
def test_weights_for_streams_of_other_widths_are_refused_by_name_of_the_stream(tmp_path, model, suffix):
    path = tmp_path / f"weights.{suffix}"
    if suffix == "pt":
        write_original(model, path)
    else:
        save_file(model.state_dict(), path)
    with pytest.raises(BadInputError) as error:
        read_weights(path, "across_vself", CLIP_CLAP_STREAMS)
    assert str(error.value) == (
        f"the stream 'audio' is 768 wide, but {path} was trained on 128; give data of the widths it was trained on, or "
        "other weights"
    )
    with pytest.raises(BadInputError, match=r"the data have 1 visual stream, 'frames', but .* was trained on 2"):
        read_weights(path, "across_vself", HAN_STREAMS[:2])


def test_weights_for_one_visual_stream_are_read_back_and_fit_no_other(tmp_path):
    model, path = HAN("across_vself", CLIP_CLAP_STREAMS[:2]), tmp_path / "best.safetensors"
    save_file(model.state_dict(), path)
    assert equal(read_weights(path, "across_vself", CLIP_CLAP_STREAMS[:2]), model)
    with pytest.raises(
        BadInputError, match=r"the data have 2 visual streams, 'frames', 'motion', but .* was trained on 1"
    ):
        read_weights(path, "across_vself", CLIP_CLAP_STREAMS)


class Harmful:
    def __reduce__(self):
        return (print, ("executed",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such checkpoint"),
        (b"", "not a checkpoint"),
        (Harmful(), "not a checkpoint of tensors alone"),
        ([1, 2], "holds a list"),
        ({"fc_a.weight": torch.zeros(2)}, r"'fc_a.weight' has shape \(2,\)"),
        ({"other": torch.zeros(2)}, "the original HAN has no weight 'other'"),
        ({}, "missing"),
    ],
)
def test_the_error_says_what_is_wrong_with_a_checkpoint(tmp_path, content, message, capsys):
    path = tmp_path / "original.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(BadInputError, match=message):
        load_original(path, "across_vcross")
    assert "executed" not in capsys.readouterr().out


def test_a_damaged_or_harmful_checkpoint_is_refused_and_not_executed(tmp_path, model):
    (tmp_path / "a.pt").write_bytes(hostile.pickled(tmp_path / "executed"))
    torch.save({"weights": hostile.Executes(tmp_path / "executed")}, tmp_path / "b.pt")
    torch.save({1: torch.zeros(1)}, tmp_path / "c.pt")
    (tmp_path / "d.safetensors").write_bytes(b"x" * 100)
    write_original(model, tmp_path / "e.pt")
    (tmp_path / "e.pt").write_bytes((tmp_path / "e.pt").read_bytes()[:-1000])
    for name in ("a.pt", "b.pt", "c.pt", "d.safetensors", "e.pt", "missing.pt"):
        with pytest.raises(BadInputError, match=name):
            read_weights(tmp_path / name, "across_vcross")
    assert not (tmp_path / "executed").exists()


def test_a_run_on_other_features_has_no_weights_for_the_original(tmp_path, capsys):
    path = draw_run(tmp_path / "run", "across_vself")
    content = json.loads((path / "run.json").read_text())
    content["training"] |= streams_to_json(CLIP_CLAP_STREAMS)
    (path / "run.json").write_text(json.dumps(content))
    parser = argparse.ArgumentParser("mbias")
    evaluate.add_commands(parser.add_subparsers())
    assert run(parser, ["export-weights", str(path), "--out", str(tmp_path / "original.pt")]) == 2
    assert capsys.readouterr().err == (
        f"mbias: error: {path}: the stream 'audio' is 768 wide, but the original HAN was trained on 128; its code "
        "cannot load these weights\n"
    )
    assert not (tmp_path / "original.pt").exists()


def test_an_external_run_has_no_weights_to_export(tmp_path, capsys):
    path = draw_run(tmp_path / "run", external=True)
    assert Header.read(path / "run.json").training is None
    parser = argparse.ArgumentParser("mbias")
    evaluate.add_commands(parser.add_subparsers())
    assert run(parser, ["export-weights", str(path), "--out", str(tmp_path / "original.pt")]) == 2
    assert "give a run trained here" in capsys.readouterr().err
    assert not (tmp_path / "original.pt").exists()
