from __future__ import annotations

import mbias
from mbias.plots import losses


def test_losses_draw_the_recorded_values(study):
    table = mbias.losses(study, table="curves")
    figure = losses.figure(table)
    titles = [ax.get_title() for ax in figure.axes]
    run = next(run for run in study if run.name == "across_vcross-ls_v-0")
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[2].lines}

    assert titles == ["No-LS", "LS-A", "LS-V", "LS-AV"]
    assert list(lines["$L_{v}$"]) == [commit.losses["visual"]["optimised"] for commit in run.commits]
    for ax in figure.axes:
        assert ax.get_ylim()[1] > table[table["variant"] == "across_vcross"]["value"].max()
