"""A killed run is resumed, and only with what it was recorded with."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import mbias
from mbias.errors import BadInputError
from mbias.records.validate import faults
from tests.recorder.models import CATEGORIES, NAMES, SAMPLES, record, recorder, run_epoch


def test_a_killed_run_is_resumed(tmp_path, model, data):
    """Committed epochs stay, a half-written one is removed, and the result is that of an uninterrupted run."""
    weak = np.eye(SAMPLES, len(CATEGORIES), dtype=bool)
    record(tmp_path / "whole", model, data, 4, truth={"weak": weak}, split="val")
    path = tmp_path / "run"
    record(path, model, data, 2, truth={"weak": weak}, split="val", resume=True)
    log = path / "epochs.jsonl"
    kept = log.read_bytes()
    log.write_bytes(kept + kept[: len(kept) // 3])
    (path / "epochs" / ".0003.safetensors.1.tmp").write_bytes(b"cut")
    record(path, model, data, 4, truth={"weak": weak}, split="val", resume=True)
    assert log.read_bytes().startswith(kept)
    assert faults(path) == []
    assert not list(path.rglob("*.tmp"))
    resumed, uninterrupted = (
        [(commit.epoch, commit.losses, commit.sha256) for commit in mbias.Run(folder).commits]
        for folder in (path, tmp_path / "whole")
    )
    assert resumed == uninterrupted


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "val"}, "split is 'val', but the run was recorded with 'test'"),
        ({"simulated": True}, "simulated is True"),
        ({"truth": {"weak": np.ones((SAMPLES, len(CATEGORIES)))}}, "truth differs"),
        ({"samples": NAMES[::-1]}, "samples or groups differ"),
        ({"groups": NAMES}, "samples or groups differ"),
        ({"categories": CATEGORIES[::-1]}, "categories is"),
    ],
)
def test_a_run_is_not_resumed_with_anything_else(tmp_path, model, data, options, message):
    record(tmp_path / "run", model, data, 1)
    given = {"modalities": ("audio", "visual"), "categories": CATEGORIES, "samples": NAMES, **options}
    with pytest.raises(BadInputError, match=message):
        mbias.Recorder(tmp_path / "run", **given, resume=True)


def test_a_resumed_run_keeps_its_groups(tmp_path, model, data):
    groups = [i // 4 for i in range(SAMPLES)]
    for epochs in (1, 2):
        record(tmp_path / "run", model, data, epochs, groups=groups, resume=True)
    assert mbias.Run(tmp_path / "run").groups.tolist() == list(map(str, groups))
    assert len(mbias.Run(tmp_path / "run").commits) == 2
    with pytest.raises(BadInputError, match="samples or groups differ"):
        recorder(tmp_path / "run", resume=True)


def test_a_resumed_run_gets_no_other_arrays(tmp_path, model, data):
    record(tmp_path / "run", model, data, 1)
    with recorder(tmp_path / "run", resume=True) as rec:
        rec.watch(model, "fc_prob", "p", output=torch.sigmoid)
        run_epoch(rec, model, data)
        with pytest.raises(
            BadInputError, match=r"arrays p \(sample, segment, modality, category\).* recorded with wav"
        ):
            rec.commit_epoch()
        rec.close()
    assert len(mbias.Run(tmp_path / "run").commits) == 1
