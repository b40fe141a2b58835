from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from mbias.reports import definitions

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def test_measures_are_those_of_the_code():
    made = subprocess.run(
        [sys.executable, "-m", "mbias.reports.definitions"], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert (DOCS / "measures.md").read_text(encoding="utf-8") == made.stdout, (
        "a definition has changed: python -m mbias.reports.definitions > docs/measures.md"
    )


def test_every_measure_in_a_table_is_defined():
    from mbias.analysis.measures.catalogue import MEASURES

    headings = re.findall(r"^### (.*)$", definitions.explanation("reliance", 100), re.M)
    assert {measure.name for measure in MEASURES} <= {name for heading in headings for name in heading.split(", ")}


def test_the_words_of_a_verdict_are_a_list_with_their_numbers():
    text = definitions.explanation("diagnosis", 2000)

    assert re.search(r"^- \*biased toward X\*: The balance of X .* is above 0\.2 with its 95 % interval", text, re.M)
    for word in ("nothing to attribute", "uses X alone", "balanced", "undetermined", "X harms", "synergic, redundant"):
        assert f"\n- *{word}*: " in text
    assert "change_m" in definitions.explanation("reliance", 100)
