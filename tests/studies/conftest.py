"""A study of one run, trained once."""

import pytest

from mbias.studies.execute import execute
from tests.studies.runs import plan


@pytest.fixture(scope="session")
def trained(directory, tmp_path_factory):
    """The folder of a study of one complete run, which tests must not change."""
    folder = tmp_path_factory.mktemp("trained")
    execute(plan(folder, directory))
    return folder
