"""Import a run from files of arrays and losses that another program wrote."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence, Set
from numbers import Integral
from pathlib import Path
from typing import Any

from mbias.arguments import checked_names, checked_new_folder, checked_path, require_mapping, shown
from mbias.errors import BadInputError
from mbias.exchange.arrays import read_arrays
from mbias.exchange.curves import per_epoch, read_curves
from mbias.exchange.exported import ExportedRun, read_exported
from mbias.exchange.import_plan import ImportPlan, make_plan
from mbias.exchange.named_array import NamedArray
from mbias.records.run import Run

Paths = str | Path | Sequence[str | Path]
"""One path or several."""

Names = Sequence[str] | str | Path
"""Names, or the path of a file with one name per line."""

_LARGEST_LIST = 2**28
"""Bytes of the largest file of names that is read."""


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
    accept_guessed_axes: bool = False,
) -> Run:
    """Make a run from files of arrays and losses that another program wrote.

    A single .nc or .zarr file that `mbias.export_run` wrote is restored as it was. The other parameters are ignored
    then.

    Parameters
    ----------
    files
        One or several files (.npz, .npy, .safetensors, .pt, .pth, .nc) or folders (.zarr) of arrays. An array that is
        in several files has one epoch in each.
    out
        Folder of the new run.
    arrays
        By name in the run, the name of the array in the files. The run's names are ``wav`` (attention across
        modalities), ``wtp`` (attention over time), ``p`` (segment probabilities), ``p_joint`` (sample probabilities),
        ``truth_weak`` and ``truth_MODALITY``. By default, all arrays keep their names.
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
    accept_guessed_axes
        Whether to write the run even if axes were guessed.

    Returns
    -------
    Run
        The new run.

    Raises
    ------
    BadInputError
        If an argument has the wrong type, a file is missing or damaged, ``out`` holds a run already, arrays, losses and
        names do not fit together, or axes were guessed and ``accept_guessed_axes`` is False.

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
) -> ImportPlan:
    """Read files and plan an import, without writing anything.

    Parameters
    ----------
    files, arrays, axes, losses, loss_names, modalities, categories, samples, groups, joint, steps_per_epoch, split
        The parameters of `import_run`.

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
        for name, given in _by_name("axes", axes).items()
    }
    array_files, loss_files = _paths("files", files), _paths("losses", losses)
    return make_plan(
        _read_arrays(array_files, _keys("arrays", arrays)),
        named,
        _read_losses(loss_files, _keys("loss_names", loss_names), steps_per_epoch),
        modalities=_read_names("modalities", modalities),
        categories=_read_names("categories", categories),
        samples=_read_names("samples", samples),
        groups=_read_names("groups", groups),
        joint=joint,
        split=split,
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
    paths = _paths("files", files)
    return read_exported(paths[0]) if len(paths) == 1 and paths[0].suffix in (".nc", ".zarr") else None


def require_no_run(out: Path) -> None:
    """Raise if a folder holds a run.

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


def _paths(option: str, paths: Paths) -> list[Path]:
    if isinstance(paths, str | os.PathLike):
        paths = [paths]
    if not isinstance(paths, Sequence) or isinstance(paths, bytes):
        raise BadInputError(f"{option}: {shown(paths)} is not a path or a list of paths; give the paths of files")
    return [checked_path(path, f"a path in {option}", "give the path of a file") for path in paths]


def _by_name(option: str, given: Mapping[str, object] | None) -> Mapping[str, Any]:
    if given is None:
        return {}
    require_mapping(option, given, "give names in the run as its keys")
    checked_names(option, tuple(given))
    return given


def _keys(option: str, given: Mapping[str, str] | None) -> Mapping[str, str]:
    """By name in the run, a name in the files."""
    for name, key in _by_name(option, given).items():
        if not isinstance(key, str):
            raise BadInputError(f"{option}[{name!r}]: {shown(key)} is not a name in the files; give a string")
    return given or {}


def _read_arrays(files: Sequence[Path], chosen: Mapping[str, str]) -> dict[str, list[NamedArray]]:
    """By name in the run, the array of every file that holds it; ``chosen`` maps these names to those in the files."""
    names = {key: name for name, key in chosen.items()}
    arrays: dict[str, list[NamedArray]] = {}
    for file in files:
        content = read_arrays(file)
        taken = {names.get(key, key): array for key, array in content.items() if key in names or not names}
        if not taken:
            raise BadInputError(
                f"{file}: holds {', '.join(sorted(content))}; "
                "choose among them (--array NAME=KEY, or arrays= in Python)"
            )
        for name, array in taken.items():
            # Text holds names, and is not an array of the run.
            if array.values.dtype.kind != "U":
                arrays.setdefault(name, []).append(array)
    missing = set(chosen) - set(arrays)
    if missing:
        name = min(missing)
        raise BadInputError(f"array {name!r}: no file holds an array of numbers with the name {chosen[name]!r}")
    return arrays


def _read_losses(files: Sequence[Path], chosen: Mapping[str, str], steps_per_epoch: int) -> dict[str, list[float]]:
    """By loss, its value at every epoch; ``chosen`` maps the losses to the curves in the files."""
    if not isinstance(steps_per_epoch, Integral) or steps_per_epoch < 1:
        raise BadInputError(
            f"steps_per_epoch (--steps-per-epoch) is {shown(steps_per_epoch)}; it must be 1 or more, a whole number"
        )
    curves: dict[str, dict[int, float]] = {}
    for file in files:
        for name, curve in read_curves(file).items():
            curves.setdefault(name, {}).update(curve)
    chosen = chosen or {name: name for name in curves}
    for name, key in chosen.items():
        if key not in curves:
            raise BadInputError(
                f"loss {name!r}: there is no curve {key!r}; the curves are {', '.join(sorted(curves)) or 'none'}"
            )
    return {name: per_epoch(curves[key], steps_per_epoch) for name, key in chosen.items()}


def _read_names(option: str, names: Names | None) -> list[str] | None:
    if names is None:
        return None
    if not isinstance(names, str | os.PathLike):
        # A column of a table is no sequence, but holds names in order.
        ordered = isinstance(names, Iterable) and not isinstance(names, Mapping | Set | bytes)
        return list(checked_names(option, list(names) if ordered else names))
    path = checked_path(names, f"a file of names for {option}", "give names, or the path of a file with one per line")
    try:
        if path.exists() and (not path.is_file() or path.stat().st_size > _LARGEST_LIST):
            raise BadInputError(f"{path}: not a regular file of names below {_LARGEST_LIST:,} bytes")
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line]
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: not a readable list of names ({error}); write one name per line") from None
