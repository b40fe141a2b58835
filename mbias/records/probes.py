"""The probe of a run: what the trained model predicts when modalities are replaced. Written and read as a whole.

RUN/probe/outputs.safetensors    the outputs of every pass
RUN/probe/probe.json             which passes these are, and which epoch's model was probed; written last
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from mbias.arguments import checked_names, require_mapping, shown
from mbias.errors import BadInputError, NotApplicableError
from mbias.files import read_json, write_json
from mbias.records.paths import record_file
from mbias.records.run import Run
from mbias.records.shards import array_names, read_array, read_arrays, write_arrays

FORMAT = "mbias-probe"
VERSION = 1
INDEX, OUTPUTS = "probe/probe.json", "probe/outputs.safetensors"
_FIELDS = {"format", "version", "epoch", "shard_sha256", "passes", "bytes", "sha256"}
"""The fields of ``probe.json``, which `write_probe` writes."""
_OPTIONAL = {"p": "probabilities of segments 'p'", "donors": "the rows of its donors 'donors'"}
BASELINES = ("mean", "zero", "permuted", "swapped", "cross")
"""What replaces a modality: its mean over the training split; zeros; the same modality of another sample; that of a
donor sample without a common label; its mean, but only where the other modality attends to it."""


@dataclass(frozen=True)
class Pass:
    """One pass of the model over the recorded samples.

    Parameters
    ----------
    baseline
        What replaced the modalities, one of `BASELINES`; empty where nothing was replaced.
    replaced
        The names of the replaced modalities.
    draw
        The number of the draw, from 0, where the baseline is drawn at random.

    Examples
    --------
    >>> mbias.Pass("mean", ("audio",))
    Pass(baseline='mean', replaced=('audio',), draw=0)
    """

    baseline: str = ""
    replaced: tuple[str, ...] = ()
    draw: int = 0

    def __post_init__(self) -> None:
        if self.baseline not in ("", *BASELINES):
            raise BadInputError(f"Pass: unknown baseline {self.baseline!r}; take one of {', '.join(BASELINES)}")
        object.__setattr__(self, "replaced", checked_names("Pass: replaced", self.replaced))
        if bool(self.baseline) != bool(self.replaced):
            raise BadInputError("Pass: a baseline and the modalities that it replaces go together; give both or none")
        if not isinstance(self.draw, Integral) or isinstance(self.draw, bool) or self.draw < 0:
            raise BadInputError(f"Pass: draw: {shown(self.draw)} is not the number of a draw; give 0 or more")
        object.__setattr__(self, "draw", int(self.draw))


WHOLE = Pass()
"""The pass in which nothing is replaced."""


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

    def values(self, of_pass: Pass, name: str) -> np.ndarray:
        """Read one output of a pass.

        Parameters
        ----------
        of_pass
            The pass.
        name
            ``p_joint`` (sample, category), ``p`` (sample, segment, modality, category), or ``donors``, int64
            (sample,): the row that the replaced modality came from, -1 where there was no donor. If several modalities
            are replaced, ``donors`` is (sample, replaced modality), in the order of `Pass.replaced`.

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
        folder = self.run.path / "probe"
        if of_pass not in self.passes:
            raise NotApplicableError(f"{folder}: no pass {description(of_pass)}; {how_to_probe(self.run)}")
        outputs = record_file(self.run.path, OUTPUTS, None)
        key = f"{self.passes.index(of_pass)}.{name}"
        if name in _OPTIONAL and key not in array_names(outputs):
            raise NotApplicableError(
                f"{folder}: the pass {description(of_pass)} was recorded without {_OPTIONAL[name]}; "
                f"{how_to_probe(self.run)}"
            )
        values = read_array(outputs, key)
        if fault := _fault(self.run, of_pass, name, values):
            raise BadInputError(f"{folder}: the pass {description(of_pass)}: {fault}; {how_to_probe(self.run)}")
        return values

    def draws(self, baseline: str, replaced: tuple[str, ...]) -> list[Pass]:
        """The passes in which a baseline replaced modalities.

        Parameters
        ----------
        baseline
            One of `BASELINES`.
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
    if WHOLE not in outputs:
        raise BadInputError(f"{run.path}: a probe needs the pass in which nothing is replaced; add Pass()")
    _check(run, outputs)
    commit = run.commit(epoch)
    if taken := _FIELDS & about.keys():
        raise BadInputError(f"{run.path}: {min(taken)!r} is a field of probe.json already; rename it in the call")
    try:
        json.dumps(about, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadInputError(f"{run.path}: details of the probe are not JSON ({error}); give JSON types") from None
    (run.path / "probe").mkdir(exist_ok=True)
    arrays = {
        f"{index}.{name}": np.asarray(values, dtype=np.int64 if name == "donors" else np.float32)
        for index, of_pass in enumerate(outputs.values())
        for name, values in of_pass.items()
    }
    content = write_arrays(run.path / OUTPUTS, arrays)
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
                for of_pass in outputs
            ],
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            **about,
        },
    )


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
    file = record_file(run.path, OUTPUTS, None)
    if not file.exists() or file.stat().st_size != bytes_:
        raise BadInputError(f"{file}: missing, or not the file that probe.json describes; {hint}")
    if not 1 <= probe.epoch <= len(run.commits) or run.commits[probe.epoch - 1].sha256 != shard:
        raise BadInputError(f"{run.path / 'probe'}: the run was trained again after it was probed; {hint}")
    return probe


def probe_faults(run: Run) -> list[str]:
    """What is wrong with the probe of a run, one line per fault; empty where it is sound or there is none."""
    try:
        if not record_file(run.path, INDEX).exists():
            return []
        probe = read_probe(run)
        with (run.path / OUTPUTS).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != probe.sha256:
            return [f"{run.path / OUTPUTS}: its sha256 is not the one in probe.json; {how_to_probe(run)}"]
        for key in read_arrays(run.path / OUTPUTS):
            index, _, name = key.partition(".")
            if not index.isdecimal() or int(index) >= len(probe.passes):
                return [f"{run.path / OUTPUTS}: {key!r} belongs to no pass in probe.json; {how_to_probe(run)}"]
            probe.values(probe.passes[int(index)], name)
    except BadInputError as error:
        return [str(error)]
    return []


def _check(run: Run, outputs: Mapping[Pass, Mapping[str, np.ndarray]]) -> None:
    names: Sequence[str] = run.header.modalities
    for of_pass, arrays in outputs.items():
        if not isinstance(of_pass, Pass):
            raise BadInputError(f"{run.path}: {shown(of_pass)} is not a Pass; give the arrays of each mbias.Pass")
        require_mapping(f"{run.path}: the pass {description(of_pass)}", arrays, "give its arrays by name")
        if unknown := set(of_pass.replaced) - set(names):
            raise BadInputError(f"{run.path}: unknown modality {min(unknown)!r}; take {', '.join(names)}")
        if of_pass.replaced != tuple(name for name in names if name in of_pass.replaced):
            raise BadInputError(
                f"{run.path}: the pass {description(of_pass)}: name each once, in the order {', '.join(names)}"
            )
        for name, values in arrays.items():
            if fault := _fault(run, of_pass, name, np.asarray(values)):
                raise BadInputError(f"{run.path}: the pass {description(of_pass)}: {fault}")
        if "p_joint" not in arrays:
            raise BadInputError(f"{run.path}: the pass {description(of_pass)} lacks 'p_joint'; add it")


def _fault(run: Run, of_pass: Pass, name: str, values: np.ndarray) -> str | None:
    """What is wrong with an output of a pass."""
    samples, modalities, categories = len(run.samples), len(run.header.modalities), len(run.header.categories)
    shapes: dict[str, tuple[int | None, ...]] = {
        "donors": (samples, len(of_pass.replaced)) if len(of_pass.replaced) > 1 else (samples,),
        "p_joint": (samples, categories),
        "p": (samples, None, modalities, categories),
    }
    if name not in shapes:
        return f"unknown output {name!r}; take {', '.join(shapes)}"
    shape = shapes[name]
    if values.ndim != len(shape) or any(n not in (None, m) for n, m in zip(shape, values.shape, strict=True)):
        sizes = " x ".join("segments" if n is None else str(n) for n in shape)
        return f"{name!r} has the shape {values.shape}; for this run it must be {sizes}"
    # Half precision rounds to 0.004. p_joint of Eq. 3 can be as large as the number of modalities.
    highest = modalities if name == "p_joint" else 1
    low, high = (-1, samples - 1) if name == "donors" else (-0.01, highest + 0.01)
    if values.dtype.kind not in "fiub" or not ((values >= low) & (values <= high)).all():
        what = "neither the row of a sample nor -1" if name == "donors" else "not a probability"
        return f"{name!r} holds a value that is {what}"
    return None


def description(of_pass: Pass) -> str:
    """What a pass replaces, for an error message that says "the pass ..."."""
    if not of_pass.replaced:
        return "in which nothing is replaced"
    draw = f" (draw {of_pass.draw})" * bool(of_pass.draw)
    return f"with {' and '.join(of_pass.replaced)} replaced by {of_pass.baseline!r}{draw}"


def how_to_probe(run: Run) -> str:
    """What to do about a missing pass, for the end of an error message; an external model cannot be run here."""
    if run.header.training is None:
        return "call mbias.probe with the model, or record its outputs with mbias.write_probe"
    return f"run `mbias probe {run.path}`"
