from __future__ import annotations

import matplotlib.pyplot as plt
import pytest

import mbias
from mbias.plots.drawing.style import BALANCED, UNKNOWN, modality_colours, save, style, symbol
from tests.other_models import MODALITIES


@pytest.mark.parametrize("form", ["pdf", "png", "svg"])
def test_files_are_the_same_bytes_each_time(study, tmp_path, form):
    table = mbias.variants(study)
    for name in ("one", "two"):
        save(mbias.plot_variants(table), tmp_path / f"{name}.{form}")

    assert (tmp_path / f"one.{form}").read_bytes() == (tmp_path / f"two.{form}").read_bytes()


def test_pdf_fonts_are_type_42(study, tmp_path):
    save(mbias.plot_variants(study), tmp_path / "figure.pdf")

    content = (tmp_path / "figure.pdf").read_bytes()
    assert b"/Type3" not in content
    assert b"/FontFile2" in content


def test_other_scripts_are_drawn_where_a_font_has_them(monkeypatch):
    from matplotlib import font_manager

    fake = font_manager.FontEntry(name="Noto Sans CJK JP")
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [*font_manager.fontManager.ttflist, fake])
    with style():
        families = plt.rcParams["font.family"]
    assert families[:2] == ["DejaVu Sans", "Noto Sans CJK JP"]


@pytest.mark.parametrize("modalities", [MODALITIES, ("audio", "visual", *MODALITIES[:6])])
def test_eight_modalities_have_eight_colours(modalities):
    colours = modality_colours(modalities)

    assert len({*colours.values(), UNKNOWN, BALANCED}) == 10
    assert ("audio" not in colours) or (colours["audio"], colours["visual"]) == ("#f89c20", "#5790fc")


def test_a_name_that_cannot_be_a_subscript_is_said_in_words():
    assert [symbol("W", name) for name in ("a", "front camera", "$x$")] == [
        "$W_{a}$",
        "W of front camera",
        r"W of \$x\$",
    ]
