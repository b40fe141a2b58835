"""Weights out to the original's code and back in, through files."""

from __future__ import annotations

import argparse

import pytest
import torch

from mbias.cli import evaluate
from mbias.cli.common import run
from mbias.errors import BadInputError
from mbias.han.network import HAN
from mbias.han.weights import load_original, read_weights, to_original, write_original
from mbias.records.header import Header
from tests import hostile
from tests.drawn_runs import draw_run


@pytest.fixture
def model():
    torch.manual_seed(1)
    return HAN("across_vself")


def same(one, other):
    mine, its = one.state_dict(), other.state_dict()
    return mine.keys() == its.keys() and all(torch.equal(mine[name], its[name]) for name in mine)


def test_a_run_s_weights_load_as_the_original_s(tmp_path, model, capsys):
    from safetensors.torch import save_file

    path = draw_run(tmp_path / "run", "across_vself")
    (path / "checkpoints").mkdir()
    save_file(model.state_dict(), path / "checkpoints" / "best.safetensors")
    parser = argparse.ArgumentParser("mbias")
    evaluate.add_commands(parser.add_subparsers())
    assert run(parser, ["export-weights", str(path), "--out", str(tmp_path / "original.pt")]) == 0
    written = torch.load(tmp_path / "original.pt", weights_only=True)
    # What strict=True asks for: the names and shapes of the original's state dict, no more and no less.
    assert {name: tuple(w.shape) for name, w in written.items()} == {
        name: tuple(w.shape) for name, w in to_original(HAN("across_vcross")).items()
    }
    assert same(read_weights(tmp_path / "original.pt", "across_vself"), model)
    assert same(read_weights(path / "checkpoints" / "best.safetensors", "across_vself"), model)


def test_weights_of_several_devices_are_taken(tmp_path, model):
    wrapped = {f"module.{name}": weight for name, weight in to_original(model).items()}
    assert same(load_original(wrapped, "across_vself"), model)


def test_what_is_no_checkpoint_is_refused_and_not_executed(tmp_path, model):
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


def test_a_foreign_run_has_no_weights_to_export(tmp_path, capsys):
    path = draw_run(tmp_path / "run", external=True)
    assert Header.read(path / "run.json").training is None
    parser = argparse.ArgumentParser("mbias")
    evaluate.add_commands(parser.add_subparsers())
    assert run(parser, ["export-weights", str(path), "--out", str(tmp_path / "original.pt")]) == 2
    assert "no run trained here" in capsys.readouterr().err
    assert not (tmp_path / "original.pt").exists()
