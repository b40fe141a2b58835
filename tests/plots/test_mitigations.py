"""The figure of the changes that mitigations make."""

import numpy as np
import pytest

from mbias.analysis.mitigations import changes
from mbias.plots import mitigations
from tests.drawn_runs import draw_run


def test_dots_and_bars_are_the_changes_of_the_table(tmp_path):
    for seed in (0, 1):
        for name in (None, "agm", "ogm_ge"):
            draw_run(tmp_path / f"{name}-{seed}", seed=seed, videos=30, mitigation=name)
    table = changes(tmp_path)
    left, right = mitigations.figure(table).axes
    dots = next(artist for artist in left.collections if len(artist.get_offsets()) == 2 and artist.get_sizes().size)

    use = table[table["quantity"] == "use"]["difference"].tolist()
    score = table[table["quantity"] == "type_average"]["difference"].tolist()
    assert dots.get_offsets().data == pytest.approx(np.column_stack([use, 100 * np.array(score)]))
    assert [text.get_text() for text in left.texts] == ["1", "2"]
    assert [label.get_text() for label in right.get_yticklabels()] == ["agm  1", "ogm_ge  2"]
