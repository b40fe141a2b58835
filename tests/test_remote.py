"""Records in remote storage, for which fsspec's file system in memory stands in."""

from __future__ import annotations

import sys
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pytest
from fsspec.implementations.memory import MemoryFileSystem

import mbias
from mbias import Run, RunWriter
from mbias.cli.analyze import main
from mbias.errors import BadInputError
from mbias.remote import mirror_of
from tests.drawn_runs import draw_study
from tests.records.written import SAMPLES, drawn_attention, header, written_run


@pytest.fixture
def storage(tmp_path, monkeypatch):
    """An empty remote storage, whose mirror is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    return system


@pytest.fixture
def reads(storage, monkeypatch):
    """The paths of the files that are read from the storage."""
    opened, plain = [], MemoryFileSystem._open

    def watched(system, path, mode="rb", **options):
        if mode == "rb":
            opened.append(path)
        return plain(system, path, mode, **options)

    monkeypatch.setattr(MemoryFileSystem, "_open", watched)
    return opened


def upload(storage, local, url):
    for file in sorted(path for path in local.rglob("*") if path.is_file()):
        storage.pipe(f"{url}/{file.relative_to(local)}", file.read_bytes())


def test_a_remote_study_gives_the_tables_of_the_local_one(storage, tmp_path):
    draw_study(tmp_path / "study", [("across_vcross", "ls_v")], seeds=(0, 1))
    upload(storage, tmp_path / "study", "memory://bucket/study")
    remote, local = mbias.open_study("memory://bucket/study"), mbias.open_study(tmp_path / "study")

    assert [run.name for run in remote] == [run.name for run in local]
    for name in ("attention", "losses", "reliance", "mechanism"):
        pd.testing.assert_frame_equal(getattr(mbias, name)(remote), getattr(mbias, name)(local))
    assert mbias.validate("memory://bucket/study")["fault"].tolist() == ["", ""]


def test_only_what_is_read_is_downloaded_and_only_once(storage, reads, tmp_path):
    upload(storage, written_run(tmp_path / "run"), "memory://bucket/run")
    for _ in range(2):
        run = Run("memory://bucket/run")
        np.testing.assert_array_equal(run.values("wav", 2), drawn_attention(1))

    assert sorted(reads) == [f"/bucket/run/{name}" for name in (
        "epochs.jsonl", "epochs/0002.safetensors", "run.json", "samples.csv"
    )]  # fmt: skip


def test_later_epochs_are_seen_when_the_run_is_opened_again(storage, tmp_path):
    local = written_run(tmp_path / "run", epochs=1)
    upload(storage, local, "memory://bucket/run")
    early = Run("memory://bucket/run")
    RunWriter.reopen(local).commit({"audio": {"optimised": 0.1}}, {"wav": drawn_attention(9)})
    upload(storage, local, "memory://bucket/run")
    late = Run("memory://bucket/run")

    assert (len(early.commits), len(late.commits)) == (1, 2)
    np.testing.assert_array_equal(late.values("wav"), drawn_attention(9))


def test_a_log_that_grows_after_the_listing_names_no_epoch_that_is_not_listed(storage, tmp_path, monkeypatch):
    local = written_run(tmp_path / "run", epochs=1)
    upload(storage, local, "memory://bucket/run")
    plain = MemoryFileSystem.find

    def find(system, path, **options):
        found = {name: dict(details) for name, details in plain(system, path, **options).items()}
        RunWriter.reopen(local).commit({}, {})
        upload(storage, local, "memory://bucket/run")
        return found

    monkeypatch.setattr(MemoryFileSystem, "find", find)
    assert len(Run("memory://bucket/run").commits) == 1


def test_a_shard_that_changes_after_the_listing_is_named(storage, tmp_path):
    upload(storage, written_run(tmp_path / "run"), "memory://bucket/run")
    run = Run("memory://bucket/run")
    storage.pipe("/bucket/run/epochs/0003.safetensors", b"short")

    with pytest.raises(BadInputError, match=r"^memory://bucket/run/epochs/0003\.safetensors: has changed since"):
        run.values("wav", 3)
    assert not list(Path(run.path).rglob("*0003*"))


def test_a_storage_that_fails_is_an_error_of_one_line_that_names_the_object(storage, tmp_path, monkeypatch, capsys):
    upload(storage, written_run(tmp_path / "run"), "memory://bucket/run")

    def fails(system, path, mode="rb", **options):
        raise PermissionError(f"Access\ndenied: {path}")

    monkeypatch.setattr(MemoryFileSystem, "_open", fails)
    assert main(["attention", "memory://bucket/run"]) == 2
    error = capsys.readouterr().err
    assert "memory://bucket/run/run.json: not readable (Access denied: /bucket/run/run.json); check" in error
    assert error.count("\n") == 1


def test_the_command_takes_an_address(storage, tmp_path, capsys):
    upload(storage, written_run(tmp_path / "run"), "memory://bucket/study/run")
    assert main(["attention", "memory://bucket/study", "--format", "csv"]) == 0
    remote = capsys.readouterr().out
    assert main(["attention", str(tmp_path / "run"), "--format", "csv"]) == 0
    assert remote == capsys.readouterr().out


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("memory://bucket/nothing", r"^memory://bucket/nothing: no run\.json in it or directly below it; give the"),
        ("nosuch://bucket/run", r"^nosuch://bucket/run: not readable \(Protocol not known: nosuch\); check"),
    ],
)
def test_an_address_without_a_run_is_refused(storage, url, message):
    for function in (Run, mbias.open_study):
        with pytest.raises(BadInputError, match=message):
            function(url)


def test_a_run_is_not_a_study(storage, tmp_path):
    upload(storage, written_run(tmp_path / "run"), "memory://bucket/run")
    with pytest.raises(BadInputError, match=r"^memory://bucket: a folder of runs; give one of them"):
        Run("memory://bucket")


def test_a_package_that_is_missing_is_named(storage, monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(BadInputError, match=r"b/run: remote storage needs fsspec; pip install 'mbias\[remote\]'"):
        Run("memory://b/run")


def test_nothing_is_written_to_an_address(storage, tmp_path):
    upload(storage, written_run(tmp_path / "run"), "memory://bucket/run")
    run, before = Run("memory://bucket/run"), dict(storage.store)
    outputs = {mbias.Pass(): {"p_joint": np.zeros((SAMPLES, 3))}}

    with pytest.raises(BadInputError, match=r"^memory://bucket/new: only records are read from remote storage"):
        RunWriter.create("memory://bucket/new", header(), run.samples)
    for write in (lambda: RunWriter.reopen("memory://bucket/run"), lambda: mbias.write_probe(run, "last", outputs)):
        with pytest.raises(BadInputError, match=r"^memory://bucket/run: remote storage is only read; copy the run"):
            write()
    assert dict(storage.store) == before


def test_names_that_lead_out_of_the_mirror_are_not_listed(storage, tmp_path):
    upload(storage, written_run(tmp_path / "run"), "memory://bucket/run")
    storage.store["/bucket/run/../../../precious"] = storage.store["/bucket/run/run.json"]
    assert ".." not in str(mirror_of(Run("memory://bucket/run").path).files)


def test_a_local_folder_whose_name_ends_in_a_colon_is_local(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written_run(tmp_path / "new:" / "run")
    assert Run("new:/run").name == "run"
