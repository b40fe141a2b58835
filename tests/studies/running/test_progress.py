"""The progress of runs, read from their records."""

import pytest

from mbias.studies.running.progress import Progress
from mbias.training.record import RunState
from tests.studies.runs import plan


@pytest.fixture
def state(directory, trained):
    run = plan(trained, directory).runs[0]
    return RunState(run.path, run.config, "float32")


def test_without_a_terminal_there_is_one_line_per_epoch(state, capsys, monkeypatch):
    with monkeypatch.context() as patched:
        # The log grows after the state was read.
        patched.setattr("mbias.studies.running.progress._size", lambda path: 0)
        progress = Progress([state], 1)
    with progress:
        pass
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(", ")[0] for line in lines] == [f"{state.path.name}: epoch {epoch}/2" for epoch in (1, 2)]
    for text in ("L_a ", "L_v ", "L_wsl ", "Type@AV ", " s"):
        assert text in lines[0]


def test_committed_epochs_are_not_shown_again(state, capsys):
    with Progress([state], 1) as progress:
        progress.update()
    assert capsys.readouterr().out == ""


def test_messages_name_the_run_and_count_complete_ones_first(state, capsys):
    with Progress([state], 4) as progress:
        progress.write(state.path, "failed: reason")
    assert capsys.readouterr().out == f"[4/4] {state.path.name}: failed: reason\n"
