"""The session of a study."""

from mbias.studies.locks import locked
from mbias.studies.session import session


def test_a_session_removes_the_files_of_dead_processes_alone(tmp_path):
    (tmp_path / ".session-there-1").write_text("")
    with locked(tmp_path / ".session-here-2"), session(tmp_path) as current:
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([".session-here-2", current.name])
    assert list(tmp_path.iterdir()) == []


def test_a_session_may_be_ended_early(tmp_path):
    with session(tmp_path / "new") as current:
        current.unlink()
    assert list((tmp_path / "new").iterdir()) == []
