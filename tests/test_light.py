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
        "import mbias.cli.main; mbias.cli.main.main(['--version'])",
        "import mbias.cli.analyze; mbias.cli.analyze.main(['--help'])",
        "import mbias.cli.analyze; mbias.cli.analyze.main(['--version'])",
    ],
)
def test_nothing_heavy_is_loaded(code):
    assert loaded_after(code) == []


def test_only_the_recorder_loads_torch():
    code = "import mbias; [getattr(mbias, name) for name in mbias.__all__ if name != 'Recorder']"
    assert "torch" not in loaded_after(code)
