"""What must stay light: importing the package, and asking for help."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "pandas", "xarray", "matplotlib", "seaborn", "scipy", "tqdm")


def loaded_after(code):
    names = f"[name for name in {HEAVY!r} if name in sys.modules]"
    script = f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\nprint(*{names}, file=sys.stderr)"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stderr.split()


@pytest.mark.parametrize(
    "code",
    [
        "import mbias",
        "import mbias.cli.main; mbias.cli.main.main(['--help'])",
        "import mbias.cli.main; mbias.cli.main.main(['study', '--help'])",
    ],
)
def test_nothing_heavy_is_loaded(code):
    assert loaded_after(code) == []


def test_public_names_are_there():
    import mbias

    for name in mbias.__all__:
        assert getattr(mbias, name).__name__ == name
    with pytest.raises(AttributeError):
        _ = mbias.nothing
