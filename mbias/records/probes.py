"""The probe of a run: what the trained model predicts when modalities are replaced. Written and read as a whole.

RUN/probe/outputs.safetensors    the outputs of every pass
RUN/probe/probe.json             which passes these are, and which epoch's model was probed; written last
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from mbias.arguments import require_mapping, shown
from mbias.errors import BadInputError, NotApplicableError
from mbias.files import read_json, write_json
from mbias.passes import WHOLE, Pass, description
from mbias.records.paths import record_file, record_size
from mbias.records.run import Run
from mbias.records.shards import Held, array_names, stored_array
from mbias.records.writing.array_file import new_array_file
from mbias.records.writing.pass_checks import check_pass, output_fault
from mbias.remote import refuse_mirror
from mbias.tasks import Extremes, Task, output_hint

FORMAT = "mbias-probe"
VERSION = 1
INDEX, OUTPUTS = "probe/probe.json", "probe/outputs.safetensors"
_FIELDS = {"format", "version", "epoch", "shard_sha256", "passes", "bytes", "sha256"}
"""The fields of ``probe.json``, which `write_probe` writes."""
_OPTIONAL = {"p": "probabilities of segments 'p'", "donors": "the rows of its donors 'donors'"}


@dataclass(frozen=True)
class Probe:
    """A probe on disk.

    Parameters
    ----------
    run
        The probed run.
    epoch
        The epoch whose model was probed.
    passes
        The passes, in the order of their outputs in the file.
    sha256
        The digest of the file of outputs.
    """

    run: Run
    epoch: int
    passes: tuple[Pass, ...]
    sha256: str

    def __repr__(self) -> str:
        kinds = Counter(of_pass.baseline or "whole" for of_pass in self.passes)
        counts = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
        return f"<Probe of {self.run.name}: epoch {self.epoch}; passes: {counts}>"

    def values(
        self, of_pass: Pass, name: str, rows: slice | np.ndarray = slice(None), categories: slice | None = None
    ) -> np.ndarray:
        """Read one output of a pass.

        Parameters
        ----------
        of_pass
            The pass.
        name
            ``p_joint`` (sample, category), ``p`` (sample, segment, modality, category), or ``donors``, int64
            (sample,): the row that the replaced modality came from, -1 where there was no donor. If several modalities
            are replaced, ``donors`` is (sample, replaced modality), in the order of `Pass.replaced`.
        rows
            Which samples: a slice without a step, or their numbers. Only their outputs are read.
        categories
            Which categories of ``p_joint``, of all samples. Probabilities of one label per sample are not added up.

        Returns
        -------
        numpy.ndarray
            The output.

        Raises
        ------
        NotApplicableError
            If the probe does not have the pass, or the pass was recorded without this output.
        BadInputError
            If the output is damaged.
        """
        folder, outputs = self.run.path / "probe", record_file(self.run.path, OUTPUTS, None)
        if of_pass not in self.passes:
            raise NotApplicableError(f"{folder}: no pass {description(of_pass)}; {how_to_probe(self.run)}")
        key = f"{self.passes.index(of_pass)}.{name}"
        if name in _OPTIONAL and key not in array_names(outputs):
            raise NotApplicableError(
                f"{folder}: the pass {description(of_pass)} was recorded without {_OPTIONAL[name]}; "
                f"{how_to_probe(self.run)}"
            )
        stored = stored_array(outputs, key)
        # Before anything is read of a wrong shape.
        self.check(of_pass, name, Held(stored.dtype, stored.shape, Extremes()))
        values = stored.read(rows) if categories is None else stored.read(categories, 1)
        # The outputs of some categories need not add up to 1.
        sums = self.run.task == Task.SINGLE_LABEL and categories is None
        self.check(of_pass, name, Held(stored.dtype, stored.shape, Extremes.of(values, sums)))
        return values

    def check(self, of_pass: Pass, name: str, held: Held) -> None:
        """Raise BadInputError unless an output of a pass is what `values` says."""
        if fault := output_fault(self.run, of_pass, name, held):
            where = f"{self.run.path / 'probe'}: the pass {description(of_pass)}"
            raise BadInputError(f"{where}: {fault}; {how_to_probe(self.run)}")

    def draws(self, baseline: str, replaced: tuple[str, ...]) -> list[Pass]:
        """The passes in which a baseline replaced modalities.

        Parameters
        ----------
        baseline
            What replaced them, as in `Pass`.
        replaced
            The names of the modalities, in the order of the header.

        Returns
        -------
        list of Pass
            One pass per draw; empty if there is none.
        """
        wanted = (baseline, replaced)
        return [candidate for candidate in self.passes if (candidate.baseline, candidate.replaced) == wanted]


def write_probe(
    run: Run | str | os.PathLike[str],
    epoch: int | str,
    outputs: Mapping[Pass, Mapping[str, np.ndarray]],
    **about: Any,
) -> None:
    """Record the outputs of a probe with its run; those of an earlier probe are replaced.

    Parameters
    ----------
    run
        The probed run, or its folder.
    epoch
        The epoch whose model was probed: a number, ``"last"`` or ``"best"``.
    outputs
        By pass, the arrays that `Probe.values` describes. ``Pass()``, in which nothing is replaced, must be among them.
    **about
        What else a reader should know, as JSON types, under names that ``probe.json`` does not use already.

    Raises
    ------
    BadInputError
        If ``Pass()`` is missing, an output does not have the shape or range that it should have, or a name in ``about``
        is one that ``probe.json`` uses already.

    Examples
    --------
    >>> import numpy as np
    >>> run = mbias.Run("models/mine")
    >>> whole = np.full((len(run.samples), len(run.header.categories)), 0.9)
    >>> mbias.write_probe(run, "last", {mbias.Pass(): {"p_joint": whole}, **{
    ...     mbias.Pass("mean", replaced): {"p_joint": whole / 2}
    ...     for replaced in [("audio",), ("visual",), ("audio", "visual")]
    ... }})
    """
    run = run if isinstance(run, Run) else Run(run)
    require_mapping("outputs", outputs, "give the arrays of each Pass")
    for of_pass, arrays in outputs.items():
        if not isinstance(of_pass, Pass):
            raise BadInputError(f"{run.path}: {shown(of_pass)} is not a Pass; give the arrays of each mbias.Pass")
        require_mapping(f"{run.path}: the pass {description(of_pass)}", arrays, "give its arrays by name")
    shapes = {of_pass: {n: np.shape(values) for n, values in arrays.items()} for of_pass, arrays in outputs.items()}
    with new_probe(run, epoch, shapes, **about) as write:
        for of_pass, arrays in outputs.items():
            write(of_pass, arrays)


@contextmanager
def new_probe(
    run: Run, epoch: int | str, shapes: Mapping[Pass, Mapping[str, tuple[int, ...]]], **about: Any
) -> Iterator[Callable[[Pass, Mapping[str, np.ndarray]], None]]:
    """Record a probe pass by pass, so that one pass at a time is in memory.

    Parameters
    ----------
    run, epoch, about
        As for `write_probe`.
    shapes
        By pass, in the order in which they are written, the shapes of its arrays, in their order.

    Yields
    ------
    callable
        Writes the arrays of the next pass. The probe replaces an earlier one when all are written; if anything fails
        before, the earlier one stays.

    Raises
    ------
    BadInputError
        As `write_probe`.
    """
    refuse_mirror(run.path)
    if WHOLE not in shapes:
        raise BadInputError(f"{run.path}: a probe needs the pass in which nothing is replaced; add Pass()")
    for of_pass, of_arrays in shapes.items():
        check_pass(run, of_pass, of_arrays)
    commit = run.commit(epoch)
    if taken := _FIELDS & about.keys():
        raise BadInputError(f"{run.path}: {min(taken)!r} is a field of probe.json already; rename it in the call")
    try:
        json.dumps(about, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadInputError(f"{run.path}: details of the probe are not JSON ({error}); give JSON types") from None
    numbers = {of_pass: number for number, of_pass in enumerate(shapes)}
    kinds = {
        f"{numbers[of_pass]}.{name}": (_kind(name), shape)
        for of_pass, of_arrays in shapes.items()
        for name, shape in of_arrays.items()
    }

    def write(of_pass: Pass, arrays: Mapping[str, np.ndarray]) -> None:
        for name, values in arrays.items():
            array = np.asarray(values)
            if fault := output_fault(run, of_pass, name, Held.of(array, run.task == Task.SINGLE_LABEL)):
                hint = f"; {output_hint(run.task)}" * (name != "donors")
                raise BadInputError(f"{run.path}: the pass {description(of_pass)}: {fault}{hint}")
            file.add(f"{numbers[of_pass]}.{name}", np.asarray(array, dtype=_kind(name)))

    folder = run.path / "probe"
    folder.mkdir(exist_ok=True)
    try:
        with new_array_file(run.path / OUTPUTS, kinds) as file:
            yield write
            size, sha256 = file.close()
    finally:
        # Of a first probe that fails, nothing is left.
        with suppress(OSError):
            folder.rmdir()
    write_json(
        run.path / INDEX,
        {
            "format": FORMAT,
            "version": VERSION,
            "epoch": commit.epoch,
            "shard_sha256": commit.sha256,
            # The file calls a baseline "base", as it has since version 1 of the format.
            "passes": [
                {"base": of_pass.baseline, "replaced": list(of_pass.replaced), "draw": of_pass.draw}
                for of_pass in shapes
            ],
            "bytes": size,
            "sha256": sha256,
            **about,
        },
    )


def _kind(name: str) -> np.dtype[Any]:
    return np.dtype(np.int64 if name == "donors" else np.float32)


def read_probe(run: Run) -> Probe:
    """Read the probe of a run; its outputs are read when they are used.

    Parameters
    ----------
    run
        The run.

    Returns
    -------
    Probe
        The probe.

    Raises
    ------
    NotApplicableError
        If the run was not probed.
    BadInputError
        If the probe is damaged, or the run was trained again after it was probed.
    """
    hint = how_to_probe(run)
    index = record_file(run.path, INDEX)
    if not index.exists():
        raise NotApplicableError(f"{run.path}: not probed, so what its predictions depend on is not known; {hint}")
    content = read_json(index, "probe", hint)
    try:
        passes = tuple(Pass(str(p["base"]), tuple(map(str, p["replaced"])), int(p["draw"])) for p in content["passes"])
        known = (content["format"], content["version"]) == (FORMAT, VERSION)
        probe = Probe(run, int(content["epoch"]), passes, str(content["sha256"]))
        bytes_, shard = int(content["bytes"]), content["shard_sha256"]
    except (KeyError, TypeError, ValueError, OverflowError, BadInputError) as error:
        raise BadInputError(f"{index}: not a readable probe ({error}); {hint}") from None
    if not known:
        raise BadInputError(f"{index}: not a probe of version {VERSION}; {hint}")
    if record_size(run.path, OUTPUTS) != bytes_:
        raise BadInputError(f"{run.path / OUTPUTS}: missing, or not the file that probe.json describes; {hint}")
    if not 1 <= probe.epoch <= len(run.commits) or run.commits[probe.epoch - 1].sha256 != shard:
        raise BadInputError(f"{run.path / 'probe'}: the run was trained again after it was probed; {hint}")
    return probe


def how_to_probe(run: Run) -> str:
    """What to do about a missing pass, for the end of an error message; an external model cannot be run here."""
    if run.header.training is None:
        return "call mbias.probe with the model, or record its outputs with mbias.write_probe"
    return f"run `mbias probe {run.path}`"
