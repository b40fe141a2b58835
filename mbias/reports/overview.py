"""The first page of a report: the paper's phenomenon as measured, and the runs it was measured on."""

from __future__ import annotations

import html

import pandas as pd

from mbias.analysis import attention, losses
from mbias.analysis.identity import one_variant
from mbias.analysis.labels import label, setting_names, short, times
from mbias.analysis.layout import Layout, lay_out, notes, number
from mbias.errors import BadInputError
from mbias.records.study import Study
from mbias.reports.tables import as_html, with_subscripts


def phenomenon(study: Study) -> pd.DataFrame:
    """Attention and coincidence of losses side by side, for every setting of one variant (section 5.3).

    Returns
    -------
    pandas.DataFrame
        A row a setting and modality: ``attention``, mean of W_av at the last epoch; ``mse``, MSE_wsl,m in nats
        squared as optimised; ``ratio``, how many times the least ``mse`` of the setting it is. Means over the
        ``seeds`` runs of a setting.
    """
    shares = attention.shares(study)
    errors = losses.coincidence(study)
    optimised = errors.loc[errors["kind"] == "optimised", ["run", "modality", "mse"]]
    joined = shares[shares["scope"] == "all"].merge(optimised, on=["run", "modality"])
    rows, _ = one_variant(joined)
    rows = rows.assign(setting=setting_names(rows))
    grouped = rows.groupby(["setting", "modality"], sort=False)
    table = grouped.agg(
        variant=("variant", "first"),
        attention=("attention", "mean"),
        mse=("mse", "mean"),
        seeds=("run", "nunique"),
        simulated=("simulated", "any"),
    ).reset_index()
    return table.assign(ratio=table["mse"] / table.groupby("setting")["mse"].transform("min"))


LAYOUT = Layout(
    ("variant", "setting"),
    ("modality",),
    {
        "W_{}": number("attention", ".3f"),
        "MSE_wsl,{}": number("mse", ".1e"),
        "ratio {}": lambda row: times(row.ratio),
    },
)


def expectation(table: pd.DataFrame) -> list[str]:
    """What section 5.3 expects of each of the paper's settings, and whether a table of `phenomenon` shows it.

    Smoothing the labels of one modality drives the attention to the other one (mean weight above 0.9), and L_wsl to
    its loss (its MSE at least 100 times below).
    """
    sentences = []
    for name, smoothed, spared in (("ls_v", "visual", "audio"), ("ls_a", "audio", "visual")):
        rows = table[table["setting"] == label("smoothing", name)].set_index("modality")
        if not {smoothed, spared} <= set(rows.index):
            continue
        weight, ratio = rows.loc[spared, "attention"], rows.loc[smoothed, "mse"] / rows.loc[spared, "mse"]
        shown = "as" if weight > 0.9 and ratio >= 100 else "not as far as"
        sentences.append(
            f"{label('smoothing', name)}, {smoothed} labels smoothed: mean W_{short(spared)} = {weight:.3f}, and "
            f"MSE_wsl,{short(spared)} = {rows.loc[spared, 'mse']:.1e} is {times(ratio)} times below "
            f"MSE_wsl,{short(smoothed)} = {rows.loc[smoothed, 'mse']:.1e}: {shown} the paper reports."
        )
    for name, words in (("no_ls", "no labels smoothed"), ("ls_av", "labels of both smoothed")):
        rows = table[(table["setting"] == label("smoothing", name)) & (table["modality"] == "audio")]
        sentences += [f"{row.setting}, {words}: mean W_a = {row.attention:.3f}." for row in rows.itertuples()]
    return sentences


def overview(study: Study, reasons: dict[str, str]) -> str:
    """The first page's content, as HTML."""
    parts = []
    try:
        table = phenomenon(study)
    except BadInputError as error:
        parts.append(f'<p class="note">{html.escape(str(error))}</p>')
    else:
        items = "".join(f"<li>{with_subscripts(sentence)}</li>" for sentence in expectation(table))
        wide, constant = lay_out(table, LAYOUT)
        which = f" ({', '.join(constant.values())})" if constant else ""
        caption = f"Attention, and how closely L_wsl runs along each modality's loss{which}. {' '.join(notes(table))}"
        parts += [f'<ul class="finding">{items}</ul>' if items else "", as_html(wide, with_subscripts(caption))]
    parts += [
        f'<p class="note">{html.escape(word)} does not apply: {html.escape(why)}</p>' for word, why in reasons.items()
    ]
    return "\n".join([*parts, "<h3>Runs</h3>", _runs(study)])


def _runs(study: Study) -> str:
    rows = []
    for run in study:
        training = run.header.training or {}
        rows.append(
            {
                "run": run.name,
                "variant": label("variant", run.variant),
                "smoothing": label("smoothing", run.smoothing),
                "seed": label("seed", run.seed),
                "epochs": f"{len(run.commits)} of {training.get('epochs', len(run.commits))}",
                "best": str(run.commit("best").epoch),
                "batch": str(training.get("batch_size", "")),
                "learning rate": str(training.get("learning_rate", "")),
                "split": f"{run.header.split} ({len(run.samples):,})",
                "data": "simulated" if run.header.simulated else "as recorded",
            }
        )
    table = pd.DataFrame(rows)
    same = [column for column in table.columns[1:] if len(table) > 1 and len(set(table[column])) == 1]
    shared = ", ".join(f"{column} {table[column].iloc[0]}" for column in same)
    table = table.drop(columns=same)
    table.attrs["names"] = 1
    return as_html(
        table, html.escape(f"The {len(table)} runs of this report. {f'In all of them: {shared}.' if shared else ''}")
    )
