"""Probing the runs of a study with the data they were trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from mbias.errors import BadInputError
from mbias.passes import Pass
from mbias.probing.han import passes, probe, require_trained_here
from mbias.records.run import Run
from mbias.records.study import Study, open_study
from mbias.studies.definition import definition_beside, read_definition
from mbias.terms import Split, Variant
from mbias.training.data import Data, load_data
from mbias.training.devices import choose_device, choose_precision

OnProbe = Callable[[Run, int, int], object]


def probe_study(
    study: str | Path | Sequence[str | Path] | Study,
    *,
    data: str | Path | None = None,
    epoch: str = "best",
    draws: int = 5,
    seed: int = 0,
    device: str = "auto",
    progress: OnProbe = lambda run, done, total: None,
) -> Study:
    """Record what the networks of a study's runs output when a modality is replaced.

    Parameters
    ----------
    study
        A run or a folder of runs, several of them, or a `Study`.
    data
        The data directory; by default the one that the study's definition names, which is looked for next to the
        folder of the runs.
    epoch
        Which weights to probe: ``best``, those of the best epoch, or ``last``.
    draws
        Number of permutations, and of sets of donors; 7 + 5 ``draws`` passes per run.
    seed
        Seed of these draws.
    device
        ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ...
    progress
        Called after every pass with the run, the number of passes done and their total; after the last one once the
        probe is on disk.

    Returns
    -------
    Study
        The probed runs.

    Raises
    ------
    BadInputError
        If an argument is wrong, no data directory is known, or a run cannot be probed
        (`mbias.probing.han.probe`).

    Examples
    --------
    >>> probe_study("models/demo", draws=0)
    Traceback (most recent call last):
        ...
    mbias.errors.BadInputError: draws is 0: it must be 1 or more
    """
    if epoch not in ("best", "last"):
        raise BadInputError(f"epoch is {epoch!r}: it must be 'best' or 'last'")
    if draws < 1:
        raise BadInputError(f"draws is {draws}: it must be 1 or more")
    if seed < 0:
        raise BadInputError(f"seed is {seed}: it must be 0 or more")
    opened = study if isinstance(study, Study) else open_study(study)
    for run in opened:
        require_trained_here(run)
    directories = {run: Path(data) if data is not None else _data_directory(run) for run in opened}
    chosen = choose_device(device)
    loaded: dict[tuple[Path, Split], Data] = {}
    for run, directory in directories.items():
        split = Split(run.header.split)
        if (directory, split) not in loaded:
            loaded[directory, split] = load_data(directory, split, chosen)
        dtype = choose_precision(str((run.header.training or {}).get("computed_in", "float32")), chosen)
        total = len(passes(Variant.parse(str(run.variant)), draws))
        probe(run, loaded[directory, split], dtype, epoch, draws, seed, _counter(run, total, progress))
        progress(run, total, total)
    return opened


def _counter(run: Run, total: int, progress: OnProbe) -> Callable[[Pass], None]:
    """Count the passes of a run, and report all but the last one."""
    done = 0

    def count(_: Pass) -> None:
        nonlocal done
        done += 1
        if done < total:
            progress(run, done, total)

    return count


def _data_directory(run: Run) -> Path:
    """Return the data directory that the definition next to a run, or to its folder, names."""
    candidates = [definition_beside(folder) for folder in (run.path, run.path.absolute().parent)]
    for definition in candidates:
        if definition.is_file() and (directory := read_definition(definition).data):
            return directory
    raise BadInputError(f"{run.path}: no definition {candidates[-1]} that names its data; give --data DIR")
