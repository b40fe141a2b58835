"""A run's probe: what the trained network answers when modalities are replaced. Written and read whole.

RUN/probe/outputs.safetensors    the outputs of every pass
RUN/probe/probe.json             which passes these are, and of which epoch's network; written last
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mbias.errors import BadInputError
from mbias.files import read_json, write_json
from mbias.records.paths import part
from mbias.records.run import Run
from mbias.records.shards import read_array, read_arrays, write_arrays

FORMAT = "mbias-probe"
VERSION = 1
INDEX, OUTPUTS = "probe/probe.json", "probe/outputs.safetensors"
BASELINES = ("mean", "zero", "permuted", "swapped", "cross")
"""What stands in for a replaced modality: the training split's mean; zero; the same modality of another sample; that
of a donor that shares no label; its mean again, but only where the other modality attends to it."""


@dataclass(frozen=True)
class Pass:
    """One pass over the samples.

    Parameters
    ----------
    base
        What stood in for the replaced modalities, of `BASES`; empty where none was.
    replaced
        Their names.
    draw
        Which of the draws, from 0, where the base is drawn.
    """

    baseline: str = ""
    replaced: tuple[str, ...] = ()
    draw: int = 0


WHOLE = Pass()
"""The pass with all modalities as they are."""


@dataclass(frozen=True)
class Probe:
    """A probe on disk.

    Parameters
    ----------
    run
        The probed run.
    epoch
        The epoch whose network was probed.
    passes
        In the order in which their outputs are kept.
    sha256
        Digest of the file of outputs.
    """

    run: Run
    epoch: int
    passes: tuple[Pass, ...]
    sha256: str

    def values(self, of: Pass, name: str) -> np.ndarray:
        """An output of a pass.

        Parameters
        ----------
        name
            ``p_joint`` (sample, category), ``p`` (sample, segment, modality, category), or ``donors``, int64
            (sample,), the rows the replaced modality came from, -1 where there was no donor.

        Raises
        ------
        BadInputError
            If the probe lacks the pass, or the pass the output, or it is not of that shape.
        """
        folder = self.run.path / "probe"
        if of not in self.passes:
            raise BadInputError(
                f"{folder}: no pass with {', '.join(of.replaced) or 'nothing'} replaced by {of.baseline!r}; "
                f"{_again(self.run)}"
            )
        key = f"{self.passes.index(of)}.{name}"
        values = read_array(part(self.run.path, OUTPUTS, None), key)
        fault = _fault(self.run, name, values)
        if fault:
            raise BadInputError(f"{folder}: {fault}; {_again(self.run)}")
        return values

    def draws(self, baseline: str, replaced: tuple[str, ...]) -> list[Pass]:
        """The passes with these modalities replaced by this base."""
        return [one for one in self.passes if one.baseline == baseline and one.replaced == replaced]


def write_probe(run: Run, epoch: int | str, outputs: Mapping[Pass, Mapping[str, np.ndarray]], **about: Any) -> None:
    """Keep the outputs of a probe with its run, in place of an older one's.

    Parameters
    ----------
    epoch
        The epoch whose network was probed.
    outputs
        By pass; `WHOLE` must be among them.
    about
        What else a reader should know, of JSON's types.

    Raises
    ------
    BadInputError
        If the pass with nothing replaced is missing, or an output has not the run's samples.
    """
    if WHOLE not in outputs:
        raise BadInputError(f"{run.path}: a probe needs the pass with nothing replaced; add it")
    _check(run, outputs)
    commit = run.commit(epoch)
    folder = run.path / "probe"
    folder.mkdir(exist_ok=True)
    arrays = {
        f"{place}.{name}": np.asarray(values, dtype=np.int64 if name == "donors" else np.float32)
        for place, of_pass in enumerate(outputs.values())
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
            "passes": [{"base": one.baseline, "replaced": list(one.replaced), "draw": one.draw} for one in outputs],
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            **about,
        },
    )


def read_probe(run: Run) -> Probe:
    """The probe of a run.

    Raises
    ------
    BadInputError
        If the run was never probed, or not since it was trained last, or its probe is damaged.
    """
    folder = run.path / "probe"
    again = _again(run)
    index = part(run.path, INDEX)
    if not index.exists():
        raise BadInputError(f"{run.path}: it is not probed, so what it depends on is not known; {again}")
    content = read_json(index, "probe", again)
    try:
        passes = tuple(Pass(str(p["base"]), tuple(map(str, p["replaced"])), int(p["draw"])) for p in content["passes"])
        known = content["format"] == FORMAT and content["version"] == VERSION
        probe = Probe(run, int(content["epoch"]), passes, str(content["sha256"]))
        bytes_, shard = int(content["bytes"]), content["shard_sha256"]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadInputError(f"{index}: not a readable probe ({error}); {again}") from None
    if not known:
        raise BadInputError(f"{index}: not a probe of version {VERSION}; {again}")
    file = part(run.path, OUTPUTS, None)
    if not file.exists() or file.stat().st_size != bytes_:
        raise BadInputError(f"{file}: missing, or not the file that probe.json is about; {again}")
    if not 1 <= probe.epoch <= len(run.commits) or run.commits[probe.epoch - 1].sha256 != shard:
        raise BadInputError(f"{folder}: probed before the run was trained as it is now; {again}")
    return probe


def probe_faults(run: Run) -> list[str]:
    """What is wrong with the probe of a run, a line each; empty where it is sound, or there is none."""
    try:
        if not part(run.path, INDEX).exists():
            return []
        probe = read_probe(run)
        with (run.path / OUTPUTS).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != probe.sha256:
            return [f"{run.path / OUTPUTS}: its sha256 is not the one of probe.json; {_again(run)}"]
        for key in read_arrays(run.path / OUTPUTS):
            place, _, name = key.partition(".")
            if not place.isdecimal() or int(place) >= len(probe.passes):
                return [f"{run.path / OUTPUTS}: {key!r} is of no pass that probe.json names; {_again(run)}"]
            probe.values(probe.passes[int(place)], name)
    except BadInputError as error:
        return [str(error)]
    return []


def _check(run: Run, outputs: Mapping[Pass, Mapping[str, np.ndarray]]) -> None:
    names: Sequence[str] = run.header.modalities
    for of, arrays in outputs.items():
        unknown = set(of.replaced) - set(names)
        if unknown:
            raise BadInputError(f"{run.path}: modality {sorted(unknown)[0]!r} is none of {', '.join(names)}")
        for name, values in arrays.items():
            fault = _fault(run, name, np.asarray(values))
            if fault:
                raise BadInputError(f"{run.path}: {fault}")


def _fault(run: Run, name: str, values: np.ndarray) -> str | None:
    """What is wrong with an output of a pass."""
    samples, modalities, categories = len(run.samples), len(run.header.modalities), len(run.header.categories)
    shapes: dict[str, tuple[int | None, ...]] = {
        "donors": (samples,),
        "p_joint": (samples, categories),
        "p": (samples, None, modalities, categories),
    }
    if name not in shapes:
        return f"output {name!r} is none of {', '.join(shapes)}"
    shape = shapes[name]
    if values.ndim != len(shape) or any(n not in (None, m) for n, m in zip(shape, values.shape, strict=True)):
        sizes = " x ".join("segments" if n is None else str(n) for n in shape)
        return f"{name!r} has the shape {values.shape}; of this run it is {sizes}"
    # Half precision rounds to 0.004. p_joint of Eq. 3 is no more than the number of modalities, not than 1.
    highest = modalities if name == "p_joint" else 1
    low, high = (-1, samples - 1) if name == "donors" else (-0.01, highest + 0.01)
    if values.dtype.kind not in "fiub" or not ((values >= low) & (values <= high)).all():
        return f"{name!r} holds a value that is no {'row of a sample, nor -1' if name == 'donors' else 'probability'}"
    return None


def _again(run: Run) -> str:
    """How to make a probe of a run."""
    if run.header.training is None:
        return "give the model's answers to mbias.records.probes.write_probe"
    return f"run `mbias probe {run.path}`"
