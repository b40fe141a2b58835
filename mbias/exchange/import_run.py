"""Import a run from files of arrays and losses that another program wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mbias.arguments import checked_names, checked_new_folder, shown
from mbias.errors import BadInputError
from mbias.exchange.answers.log import SUFFIX
from mbias.exchange.answers.plan import plan_answers
from mbias.exchange.exported import ExportedRun, read_exported
from mbias.exchange.import_files import (
    Names,
    Paths,
    by_name,
    checked_keys,
    checked_paths,
    read_chosen,
    read_losses,
    read_names,
)
from mbias.exchange.import_passes import checked_passes
from mbias.exchange.import_plan import ImportPlan, make_plan
from mbias.passes import Pass
from mbias.records.run import Run
from mbias.records.writing.checks import JOINT_OUTPUT
from mbias.tasks import Task


def import_run(
    files: Paths,
    out: str | Path,
    *,
    arrays: Mapping[str, str] | None = None,
    axes: Mapping[str, Sequence[str]] | None = None,
    losses: Paths = (),
    loss_names: Mapping[str, str] | None = None,
    modalities: Names | None = None,
    categories: Names | None = None,
    samples: Names | None = None,
    groups: Names | None = None,
    joint: str = "joint",
    steps_per_epoch: int = 1,
    split: str = "test",
    task: str = Task.MULTILABEL.value,
    setting: str | None = None,
    seed: int | None = None,
    passes: Mapping[Pass, str | Sequence[str]] | None = None,
    fields: Mapping[str, str] | None = None,
    accept_guessed_axes: bool = False,
) -> Run:
    """Make a run from files of arrays and losses, or from answer logs, that another program wrote.

    A single .nc or .zarr file that `mbias.export_run` wrote is restored as it was. The other parameters are ignored
    then.

    Parameters
    ----------
    files
        One or several files (.npz, .npy, .safetensors, .pt, .pth, .nc) or folders (.zarr) of arrays. An array that is
        in several files has one epoch in each. Or answer logs (.jsonl): `mbias.exchange.answers.plan.plan_answers`
        says what becomes of them, and which parameters apply.
    out
        Folder of the new run, which must not exist, or be empty.
    arrays
        By name in the run, the name of the array in the files. The run's names are ``wav`` (attention across
        modalities), ``wtp`` (attention over time), ``p`` (segment probabilities), ``p_joint`` (outputs of whole
        samples, of one category (sample,) will do), ``truth_weak`` (labels in a form of the task, see
        `mbias.tasks.as_truth`; of a regression, ``truth_target``) and ``truth_MODALITY``. By default, all arrays keep
        their names. Of an answer log, ``p_joint`` is the condition with nothing replaced.
    axes
        By name in the run, the axes of the array: ``sample`` and any of ``epoch``, ``segment``, ``modality``,
        ``category`` and others. They may be one string separated by spaces. By default, the axes that the file names,
        otherwise guessed from the shape.
    losses
        CSV files with one row per epoch, or TensorBoard event files.
    loss_names
        By loss of the run, the name of its curve in the files of losses. A loss has the name of its modality, or
        ``joint``. By default, all curves keep their names.
    modalities, categories, samples
        Names in the order of the arrays, or the path of a file with one name per line. By default, the names in the
        files. Otherwise, two modalities are ``audio`` and ``visual``, and other names are numbered.
    groups
        The group of each sample, or the path of a file with one per line, where samples are not independent: for
        example, the recording that a clip is cut from. By default, the samples have no groups.
    joint
        Name of the loss that all modalities share.
    steps_per_epoch
        The loss of an epoch is the mean of this many logged steps.
    split
        Name of the split that the samples belong to.
    task
        What the model is asked for: ``multilabel``, ``single_label``, ``binary`` or ``regression``.
    setting, seed
        The name that runs have in common that differ only in their seed, and the seed.
    passes
        By `mbias.Pass`, the name in the files of the outputs with these modalities replaced, or a pair of names, of the
        outputs and of the donors. They become the probe of the run, and ``p_joint`` that of ``Pass()``. Of an answer
        log, the name of a condition.
    fields
        Of an answer log, by name in `mbias.exchange.answers.log.FIELDS`, the field that holds it.
    accept_guessed_axes
        Whether to write the run even if axes were guessed.

    Returns
    -------
    Run
        The new run.

    Raises
    ------
    BadInputError
        If an argument has the wrong type, a file is missing or damaged, ``out`` holds something already, arrays,
        losses, passes and names do not fit together, or axes were guessed and ``accept_guessed_axes`` is False.

    See Also
    --------
    plan_import : Find out what an import will write.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> attention = np.random.default_rng(0).dirichlet((4, 1), size=(3, 40, 5))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/saved.npz", attention=attention)
    ...     run = import_run(
    ...         f"{folder}/saved.npz",
    ...         f"{folder}/run",
    ...         arrays={"wav": "attention"},
    ...         axes={"wav": "epoch sample category modality"},
    ...     )
    >>> len(run.commits), run.header.arrays
    (3, {'wav': ('sample', 'modality', 'category')})

    Outputs of a model, and those without each modality:

    >>> full = np.random.default_rng(0).integers(2, size=40).astype(float)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/preds.npz", full=full, no_image=full, no_text=0 * full)
    ...     run = import_run(
    ...         f"{folder}/preds.npz",
    ...         f"{folder}/run",
    ...         arrays={"p_joint": "full"},
    ...         task="binary",
    ...         passes={Pass("no input", ("image",)): "no_image", Pass("no input", ("text",)): "no_text"},
    ...     )
    ...     verdict = mbias.diagnosis(run).loc[0, "verdict"]
    >>> verdict
    'uses text alone'
    """
    out = checked_new_folder(out)
    require_no_run(out)
    plan: ImportPlan | ExportedRun | None = open_exported(files)
    if plan is None:
        plan = plan_import(
            files,
            arrays=arrays,
            axes=axes,
            losses=losses,
            loss_names=loss_names,
            modalities=modalities,
            categories=categories,
            samples=samples,
            groups=groups,
            joint=joint,
            steps_per_epoch=steps_per_epoch,
            split=split,
            task=task,
            setting=setting,
            seed=seed,
            passes=passes,
            fields=fields,
        )
        if plan.guessed and not accept_guessed_axes:
            guessed = "; ".join(f"{array.name} as {', '.join(array.axes)}" for array in plan.arrays if array.guessed)
            raise BadInputError(f"axes were guessed: {guessed}; name them with axes=, or set accept_guessed_axes=True")
    plan.write(out)
    return Run(out)


def plan_import(
    files: Paths,
    *,
    arrays: Mapping[str, str] | None = None,
    axes: Mapping[str, Sequence[str]] | None = None,
    losses: Paths = (),
    loss_names: Mapping[str, str] | None = None,
    modalities: Names | None = None,
    categories: Names | None = None,
    samples: Names | None = None,
    groups: Names | None = None,
    joint: str = "joint",
    steps_per_epoch: int = 1,
    split: str = "test",
    task: str = Task.MULTILABEL.value,
    setting: str | None = None,
    seed: int | None = None,
    passes: Mapping[Pass, str | Sequence[str]] | None = None,
    fields: Mapping[str, str] | None = None,
) -> ImportPlan:
    """Read files and plan an import, without writing anything.

    Parameters
    ----------
    files, arrays, axes, losses, loss_names, modalities, categories, samples, groups, joint, steps_per_epoch, split
        The parameters of `import_run`.
    task, setting, seed, passes, fields
        Also.

    Returns
    -------
    ImportPlan
        What the import will write. Its method `ImportPlan.lines` describes it, and `ImportPlan.write` writes it.

    Raises
    ------
    BadInputError
        If an argument has the wrong type, a file is missing or damaged, or arrays, losses and names do not fit
        together.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/wav.npy", np.full((40, 2, 5), 0.5))
    ...     plan = plan_import(f"{folder}/wav.npy")
    >>> print(plan.lines()[-1])
    array wav: sample 40 x modality 2 x category 5 (guessed from the sizes), every epoch
    """
    if not isinstance(joint, str):
        raise BadInputError(f"joint: {shown(joint)} is not the name of a loss; give a string")
    named = {
        name: tuple(given.split()) if isinstance(given, str) else checked_names(f"axes[{name!r}]", given)
        for name, given in by_name("axes", axes).items()
    }
    array_files, loss_files = checked_paths("files", files), checked_paths("losses", losses)
    chosen, of_passes = checked_keys("arrays", arrays), checked_passes(passes)
    logs = [path for path in array_files if path.suffix.lower() == SUFFIX]
    if logs:
        others: dict[str, object] = {"axes": axes, "losses": losses, "loss_names": loss_names, "categories": categories}
        others |= {"samples": samples, "groups": groups, "task": task if task != Task.MULTILABEL else None}
        others |= {"other files": len(logs) < len(array_files), "arrays": set(chosen) - {JOINT_OUTPUT}}
        for name, given in others.items():
            if given:
                raise BadInputError(f"{logs[0]}: {name} cannot be given with an answer log; leave them out")
        return plan_answers(
            logs,
            checked_keys("fields", fields),
            modalities=read_names("modalities", modalities),
            passes=of_passes,
            full=chosen.get(JOINT_OUTPUT),
            split=split,
            setting=setting,
            seed=seed,
        )
    if fields:
        raise BadInputError(f"fields: only answer logs ({SUFFIX}) have fields; leave them out")
    arrays_read, passes_read = read_chosen(array_files, chosen, {key for keys in of_passes.values() for key in keys})
    return make_plan(
        arrays_read,
        named,
        read_losses(loss_files, checked_keys("loss_names", loss_names), steps_per_epoch),
        modalities=read_names("modalities", modalities),
        categories=read_names("categories", categories),
        samples=read_names("samples", samples),
        groups=read_names("groups", groups),
        joint=joint,
        split=split,
        task=task,
        setting=setting,
        seed=seed,
        passes=of_passes,
        of_passes=passes_read,
    )


def open_exported(files: Paths) -> ExportedRun | None:
    """Open a file that `mbias.export_run` wrote.

    Parameters
    ----------
    files
        The files of an import.

    Returns
    -------
    ExportedRun or None
        None unless ``files`` is a single file that `mbias.export_run` wrote.

    Raises
    ------
    BadInputError
        If ``files`` are not paths, or the file is missing or damaged.
    """
    paths = checked_paths("files", files)
    return read_exported(paths[0]) if len(paths) == 1 and paths[0].suffix in (".nc", ".zarr") else None


def require_no_run(out: Path) -> None:
    """Raise if a folder holds a run already.

    Parameters
    ----------
    out
        The folder, which need not exist.

    Raises
    ------
    BadInputError
        If it holds a run.
    """
    if (out / "run.json").exists():
        raise BadInputError(f"{out}: there is a run already; choose another folder or delete it")
