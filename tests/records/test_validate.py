from __future__ import annotations

import pytest

from mbias import Run
from mbias.errors import BadInputError
from mbias.records.validate import faults, validate
from tests.drawn_runs import cut_shard
from tests.records.written import written_run


def test_bytes_changed_in_place_are_found(run_path):
    shard = run_path / "epochs" / "0002.safetensors"
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    assert "sha256" in faults(run_path)[0]


def test_every_run_has_a_row_and_damage_is_not_raised(tmp_path):
    sound, cut = written_run(tmp_path / "a"), written_run(tmp_path / "b")
    shard = cut_shard(cut)
    table = validate(tmp_path)

    assert table["path"].tolist() == [str(sound), str(cut)]
    assert table["fault"][0] == ""
    assert table["fault"][1].startswith(f"{shard}: ")
    assert validate([Run(sound)])["fault"].tolist() == [""]


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(BadInputError, match=r"no run\.json in it"):
        validate(tmp_path)
