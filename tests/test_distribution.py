"""The sdist and the wheel: what is in them, and that the wheel works alone."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import mbias

pytest.importorskip("build", reason="build is not installed")

ROOT = Path(__file__).resolve().parents[1]
LINES = """
import sys
import numpy as np
import mbias

study = mbias.load_example()
print(mbias.diagnosis(study)["verdict"].tolist())
mbias.plot_diagnosis(study).savefig("verdict.png")

rng = np.random.default_rng(0)
text, image = rng.normal(size=(300, 4)), rng.normal(size=(300, 3))
labels = text[:, 0] > 0
found = mbias.diagnose(lambda text, image: text[:, 0] > 0, {"text": text, "image": image}, labels, task="binary")
print(found.sentence)
assert "torch" not in sys.modules
"""
"""What README shows, on a function in place of a model."""

SMALL_DEMO = """
import sys
from mbias.cli import demo, main

demo.STEPS = ("mbias synth data/demo --train 32 --val 8 --test 16 --packed", *demo.STEPS[1:])
sys.exit(main.main(["demo", "demo"]))
"""


def run(*command: str | Path, folder: Path) -> str:
    """What a command prints, run where no module of the checkout can be imported by mistake."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> dict[str, Path]:
    """The sdist and the wheel that is made from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, folder=folder)
    (sdist,) = folder.glob("*.tar.gz")
    (wheel,) = folder.glob("*.whl")
    return {"sdist": sdist, "wheel": wheel}


@pytest.fixture
def environment(tmp_path) -> Path:
    """The folder of the programs of an empty environment."""
    venv.create(tmp_path / "empty", with_pip=True)
    return tmp_path / "empty" / "bin"


def install(programs: Path, wheel: Path, extras: str, folder: Path) -> None:
    """Install the wheel, in the versions that mbias is developed with."""
    constraints = ROOT / "constraints.txt"
    run(programs / "pip", "install", "--quiet", "--constraint", constraints, f"{wheel}{extras}", folder=folder)


def test_the_lowest_versions_are_those_that_are_tested():
    cfg = configparser.ConfigParser()
    cfg.read(ROOT / "setup.cfg")
    bounds = re.findall(r"(\w+)>=([\d.]+)", cfg["options"]["install_requires"])
    tested = re.findall(r"^(\w+)==([\d.]+)$", (ROOT / "constraints-lowest.txt").read_text(encoding="utf-8"), re.M)

    assert bounds == tested
    assert len(bounds) == len(cfg["options"]["install_requires"].split())


@pytest.mark.slow
def test_they_hold_what_mbias_needs(built):
    with zipfile.ZipFile(built["wheel"]) as wheel:
        names = set(wheel.namelist())
        examples = [
            item.compress_size for item in wheel.infolist() if item.filename.startswith("mbias/records/example/")
        ]
    with tarfile.open(built["sdist"]) as sdist:
        sources = {name.split("/", 1)[1] for name in sdist.getnames() if "/" in name}
    tracked = subprocess.run(["git", "ls-files", "mbias"], cwd=ROOT, capture_output=True, text=True, check=False)
    notebooks = {f"mbias/notebooks/{name}.ipynb" for name in mbias.QUESTIONS if name != "video"}

    assert set(tracked.stdout.split()) - names == set()
    assert notebooks | {"mbias/definitions/demo.toml", "mbias/py.typed"} <= names
    assert sum(examples) < 3e6
    assert {"README.md", "CHANGELOG.md", "tests/drawn_runs.py", "docs/conf.py", "models/demo.toml"} <= sources
    assert not any("_build" in name or "__pycache__" in name for name in sources)
    run(sys.executable, "-m", "twine", "check", "--strict", *built.values(), folder=built["wheel"].parent)


@pytest.mark.slow
def test_the_core_works_alone(built, environment, tmp_path):
    install(environment, built["wheel"], "", tmp_path)
    printed = run(environment / "python", "-c", LINES, folder=tmp_path).splitlines()

    assert printed[0].startswith("['biased toward visual', 'undetermined'")
    assert printed[1].startswith("model: uses text alone; ")
    assert (tmp_path / "verdict.png").exists()
    assert run(environment / "mbias", "--version", folder=tmp_path) == f"mbias {mbias.__version__}\n"


@pytest.mark.dist
def test_every_extra_works(built, environment, tmp_path):
    install(environment, built["wheel"], "[train,notebooks,import,cluster,remote]", tmp_path)
    report = 'import mbias; print(mbias.write_report(mbias.load_example(), "report"))'
    run(environment / "python", "-c", report, folder=tmp_path)
    (tmp_path / "demo" / "models").mkdir(parents=True)
    definition = (ROOT / "models" / "example.toml").read_text(encoding="utf-8")
    (tmp_path / "demo" / "models" / "demo.toml").write_text(
        definition.replace("data/example", "data/demo").replace("epochs = 5", "epochs = 1"), encoding="utf-8"
    )
    run(environment / "python", "-c", SMALL_DEMO, folder=tmp_path)

    assert "biased toward visual" in (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert (tmp_path / "demo" / "reports" / "demo" / "index.html").exists()
