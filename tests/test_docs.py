"""The documentation: its commands, run as a reader runs them on less data, and what is made from the code."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mbias

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SYNTH = "mbias synth data/{} --train 48 --val 12 --test 24"
STUDY = """
[data]
path = "../data/{}"
[training]
epochs = 2
delta = {}
[[grid]]
variants = {}
smoothing = ["no_ls", "ls_v"]
seeds = [0]
"""
"""What the pages' data and studies are cut down to."""

DRAW = """
from pathlib import Path
from tests.drawn_runs import draw_run, draw_study
draw_study(Path("models/demo"), [("across_vcross", "ls_a"), ("across_vcross", "ls_v")], seeds=(0, 1))
draw_run(Path("models/demo/mine"), external=True)
"""
"""Runs of two seeds, and an external one."""

MODELS = """
import numpy, torch, mbias
from torch.utils.data import DataLoader, TensorDataset

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.text, self.image = torch.nn.Linear(8, 3), torch.nn.Linear(6, 3)

    def forward(self, text, image):
        return (2 * self.text(text) + self.image(image)).softmax(-1)

torch.manual_seed(0)
first, second, third = Net(), Net(), Net()
model = first
text, image, labels = torch.randn(60, 8), torch.randn(60, 6), torch.randint(3, (60,))
names, samples = ("a", "b", "c"), [str(i) for i in range(60)]
pairs = DataLoader(TensorDataset(text, image), 25)
items = [{"text": text[i], "image": image[i], "index": i} for i in range(60)]
loader = DataLoader(items, 25, shuffle=True)
recorder = mbias.Recorder("runs/recorded", ("text", "image"), names, samples, task="single_label")
recorder.losses(60, joint=1.0)
recorder.commit_epoch()
"""
"""What the page on any model takes for granted."""

LOOP = """
import torch
from torch.nn.functional import cross_entropy, one_hot

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.text, self.image = torch.nn.Linear(8, 3), torch.nn.Linear(6, 3)

    def forward(self, text, image):
        logits = {"text": self.text(text), "image": self.image(image)}
        return logits | {"joint": logits["text"] + logits["image"]}

torch.manual_seed(0)
model, epochs, training, validation, evaluate = Net(), 2, None, None, None
before = model.text.weight.detach().clone()
optimizer = torch.optim.SGD(model.parameters(), 0.1)
loader = [({"text": torch.randn(20, 8), "image": torch.randn(20, 6)}, torch.randint(3, (20,))) for _ in range(3)]
"""
"""What the page on mitigations takes for granted."""

SHOW = """
import os
from pathlib import Path
import nbformat
import mbias
from mbias.plots.confidence import plot_gap
from mbias.plots.drawing.style import save
table = mbias.confidence("models/demo")
assert len(mbias.plot_confidence(table).axes[0].get_yticklabels()) == len(table) == 3
save(plot_gap(table), Path("gap.png"))
os.chdir("analysis_notebooks")
for cell in nbformat.read("confidence.ipynb", 4).cells:
    if cell.cell_type == "code":
        exec(cell.source)
"""
"""The figures of the new question, and the cells of its notebook."""


def script(page: str, instead: dict[str, str]) -> str:
    """The page's blocks as one script of bash; commands among ``instead`` are replaced, Python runs in one process."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.M | re.S)
    unseen = set(instead)
    parts = ["set -euo pipefail"]
    python = [block for language, block in blocks if language == "python"]
    for language, block in blocks:
        match language:
            case "sh":
                unseen -= set(block.splitlines())
                parts += [instead.get(line, line) for line in block.splitlines()]
            case "toml":
                parts.append(f"cat > {block.splitlines()[0].removeprefix('# ')} <<'END'\n{block}END")
            case "python" if block == python[-1]:
                parts.append(f"python - <<'END'\n{''.join(python)}END")
            case "python":
                continue
            case _:
                raise AssertionError(f"{page}: a block of {language!r} is not run")
    assert not unseen, f"{page} has no command {unseen}"
    return "\n".join(parts)


def run(text: str, folder: Path) -> str:
    """What a script prints."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PS4": "+ ", "COLUMNS": "80"}
    done = subprocess.run(
        ["bash", "-x"], input=text, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def prepare(folder: Path, name: str, data: str, variants: str, delta: float = 0.1) -> None:
    """A folder with the definition of a small study."""
    (folder / "models").mkdir()
    (folder / "models" / f"{name}.toml").write_text(STUDY.format(data, delta, variants))


@pytest.mark.slow
def test_the_tutorial(tmp_path):
    pytest.importorskip("ipywidgets")
    prepare(tmp_path, "demo", "demo", '["across_vcross"]')
    demo = f"{SYNTH.format('demo')} --packed && mbias study models/demo.toml"
    printed = run(script("tutorial.md", {"make report": demo}), tmp_path)

    assert "and the exit code was 2" in printed
    assert (tmp_path / "roll.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.slow
def test_how_to_reproduce_the_paper(tmp_path):
    prepare(tmp_path, "paper", "LLP", '["across_vself", "across_vcross"]', delta=0.2)
    page = script("reproduce.md", {})
    run(f"{SYNTH.format('LLP')}\n{page}", tmp_path)

    assert (tmp_path / "reports" / "paper" / "index.html").exists()


def test_getting_started(tmp_path, monkeypatch):
    """Its examples have the results that the page shows; the lines on one's own model run."""
    monkeypatch.chdir(tmp_path)
    page = (DOCS / "getting-started.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    examples = doctest.DocTestParser().get_doctest("\n".join(b for b in blocks if ">>>" in b), {}, page, None, None)
    (own,) = [block for block in blocks if ">>>" not in block]

    assert len(examples.examples) >= 8
    assert doctest.DocTestRunner().run(examples).failed == 0
    assert (tmp_path / "verdict.png").exists()
    assert run(f"python - <<'END'\n{MODELS}\n{own}\nEND", tmp_path).startswith("model: ")


def test_the_lines_of_the_readme_run(tmp_path):
    """The verdict, and the lines on the sample study."""
    page = _page("README.md")
    lines = [
        line.removeprefix("    ")
        for block in re.findall(r"^(?:    .*\n|\n(?=    ))+", page, re.M)
        for line in block.splitlines()
    ]
    python = [line for line in lines if re.match(r"(import|found|print|study|mbias\.)", line)]
    printed = run(f"python - <<'END'\n{MODELS}\n{chr(10).join(python)}\nEND", tmp_path)

    assert len(python) >= 10
    assert printed.startswith("model: ")
    assert (tmp_path / "runs" / "mine" / "run.json").exists()


def test_the_lines_on_any_model_run(tmp_path):
    page = (DOCS / "any-model.md").read_text(encoding="utf-8").split("\n## From your own training script")[0]
    blocks = re.findall(r"^(?:    .*\n)+", page, re.M)
    lines = [line.removeprefix("    ") for block in blocks for line in block.splitlines()]
    printed = run(f"python - <<'END'\n{MODELS}\n{chr(10).join(lines)}\nEND", tmp_path)

    assert printed.startswith("model: ")
    assert len(blocks) >= 7
    assert (tmp_path / "runs" / "mine" / "probe").is_dir()


def test_the_training_loop_with_a_mitigation_runs(tmp_path):
    page = (DOCS / "mitigation.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^(?:    .*\n|\n(?=    ))+", page, re.M)
    lines = [line.removeprefix("    ") for block in blocks for line in block.splitlines()]
    changed = "print((model.text.weight != before).any().item(), method)"
    printed = run(f"python - <<'END'\n{LOOP}\n{chr(10).join(lines)}\n{changed}\nEND", tmp_path)

    assert len(blocks) == 2
    assert printed == "True OGMGE(text, image)\n"


def test_the_page_on_mitigations_lists_all_of_them():
    from mbias import mitigation

    page = (DOCS / "mitigation.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([A-Z]\w+)` \|", page, re.M)
    methods = {name for name, value in vars(mitigation).items() if isinstance(value, type)}
    assert set(listed) == methods & set(mitigation.__all__) - {"Mitigation", "Step"}


def test_commands_are_known():
    """The short form of the two above: every command of the pages parses."""
    from mbias.cli.analyze import _parser as analyze
    from mbias.cli.main import _parser as train

    parsers = {"mbias": train(), "mbias-analyze": analyze()}
    commands = [
        line.split(" || ")[0].split(" > ")[0].split()
        for page in ("tutorial.md", "reproduce.md")
        for line in script(page, {}).splitlines()
        if line.startswith(("mbias ", "mbias-analyze "))
    ]

    assert len(commands) > 30
    for program, *arguments in commands:
        if "--explain" not in arguments:
            assert parsers[program].parse_args(arguments).handler


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)", (DOCS / page).read_text(encoding="utf-8")):
        assert link.startswith("https://") or (DOCS / link).exists(), link


def test_the_readme_lists_every_question_and_command():
    from mbias.analysis.questions import QUESTIONS
    from mbias.cli.analyze import _parser as analyze
    from mbias.cli.main import _parser as train

    rows = re.findall(r"^\| `(mbias(?:-analyze)? [\w-]+)[^`]*` \| (.*?) \|", _page("README.md"), re.M)
    listed = dict(rows)

    for name, asks in QUESTIONS.items():
        assert listed.get(f"mbias-analyze {name}") == asks, name
    for program, parser in (("mbias-analyze", analyze()), ("mbias", train())):
        commands = next(action.choices for action in parser._actions if isinstance(action.choices, dict))
        assert {f"{program} {name}" for name in commands} == {row for row in listed if row.split()[0] == program}


def test_versions_agree():
    assert f"\nversion: {mbias.__version__}\n" in _page("CITATION.cff")
    assert f"\n## [{mbias.__version__}]" in _page("CHANGELOG.md")


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_of_the_pages_at_the_top_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)", _page(page)):
        assert link.startswith("https://") or (ROOT / link).exists(), link


@pytest.mark.slow
def test_the_templates_of_contributing_work(tmp_path):
    for name in ("mbias", "tests", "analysis_notebooks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("conftest.py", "setup.cfg"):
        shutil.copy(ROOT / name, tmp_path / name)
    page = _page("CONTRIBUTING.md")
    blocks = dict(re.findall(r"^```python\n# ([^\n]*)\n(.*?)^```", page, re.M | re.S))
    for path in [name for name in blocks if name.endswith(".py")]:
        adds = path.startswith("add to ")
        with (tmp_path / path.removeprefix("add to ")).open("a" if adds else "w", encoding="utf-8") as file:
            file.write("\n\n" * adds + blocks[path])
    for path, after, line in (
        ("mbias/analysis/questions.py", "QUESTIONS = {", r'"confidence":[^\n]*'),
        (
            "mbias/exchange/arrays.py",
            "READERS: dict[str, Callable[[Path], dict[str, NamedArray]]] = {",
            r'"\.json":.*?\),',
        ),
    ):
        text = (tmp_path / path).read_text(encoding="utf-8")
        assert after in text
        added = re.search(f"^ +({line})", page, re.M)[1]
        (tmp_path / path).write_text(text.replace(after, f"{after}\n    {added}"), encoding="utf-8")
    (notebook,) = [blocks[name] for name in blocks if name.startswith("run once")]
    new = [path.removeprefix("add to ") for path in blocks if path.startswith(("tests/", "add to tests/"))]
    command = "import sys; from mbias.cli.analyze import main; sys.exit(main(sys.argv[1:]))"

    for arguments in (
        ["-m", "pytest", "-q", "-p", "no:cacheprovider", *new, "mbias/plots/confidence.py"],
        ["-c", notebook],
        ["-c", DRAW],
        ["-c", command, "confidence", "models/demo", "--figure", "confidence.png"],
        ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_other_words.py", "-k", "confidence"],
        ["-c", SHOW],
    ):
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "confidence.png").exists()
    assert (tmp_path / "gap.png").exists()
    row = re.search(r"^ +\| `mbias-analyze confidence PATH...` \| (.*?) \| \|$", page, re.M)
    assert f'"confidence": "{row[1]}",' in page, "the row of the README has the text of QUESTIONS"


def _page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")
