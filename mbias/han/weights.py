"""Reading and writing weights under the names of the original HAN's checkpoints.

The original's state dict also holds encoders that its forward pass never uses. They are kept, so that a checkpoint that
is read and written again is unchanged.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mbias.errors import BadInputError, NotApplicableError
from mbias.files import write_bytes
from mbias.han.network import HAN, WIDTH
from mbias.llp.streams.presets import HAN_STREAMS
from mbias.llp.streams.recorded import streams_from_json
from mbias.llp.streams.stream import Streams, mismatch, widths
from mbias.records.run import Run
from mbias.terms import Variant
from mbias.untrusted import check_stored

_LAYER = "hat_encoder.layers.0."


def load_original(
    source: Mapping[str, Tensor] | str | Path, variant: Variant | str, streams: Streams = HAN_STREAMS
) -> HAN:
    """Load the weights of an original checkpoint into the network of a variant.

    Parameters
    ----------
    source
        The original's state dict, or the path of a file that holds it. Names may start with ``module.``.
    variant
        The variant of the network.
    streams
        The streams of features that it is to take. Those of the original are the default.

    Returns
    -------
    HAN
        The network, in training mode.

    Raises
    ------
    BadInputError
        If the file cannot be read or holds anything but tensors, if a weight is missing, unknown or of another shape,
        or if the network was trained on streams of other widths.

    Examples
    --------
    >>> from mbias.han.network import HAN
    >>> from mbias.han.weights import load_original, to_original
    >>> checkpoint = to_original(HAN("across_vcross"))
    >>> model = load_original(checkpoint, "across_vcross")
    >>> bool((model.fc_prob.weight == checkpoint["fc_prob.weight"]).all())
    True
    """
    if isinstance(source, str | Path):
        return _network(_read(Path(source)), variant, streams, str(source))
    return _network(source, variant, streams, "the checkpoint")


def read_weights(path: Path, variant: Variant | str, streams: Streams = HAN_STREAMS) -> HAN:
    """Load the weights of a file, an original checkpoint or that of a run trained here, into a network.

    Parameters
    ----------
    path
        The file: ``.safetensors`` from a run trained here, any other suffix for an original checkpoint.
    variant
        The variant of the network.
    streams
        The streams of features that it is to take.

    Returns
    -------
    HAN
        The network, in training mode.

    Raises
    ------
    BadInputError
        As in `load_original`.
    """
    if path.suffix != ".safetensors":
        return load_original(path, variant, streams)
    try:
        weights = load_file(path)
    except FileNotFoundError:
        raise BadInputError(f"{path}: no such checkpoint; check the path") from None
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise BadInputError(f"{path}: not a readable checkpoint ({error}); give a complete .safetensors file") from None
    return _network({_original(name): weight for name, weight in weights.items()}, variant, streams, str(path))


def write_original(model: HAN, path: Path) -> None:
    """Write the state dict under the original's names, as a file for ``torch.load``.

    Parameters
    ----------
    model
        The network.
    path
        The file to write.
    """
    content = io.BytesIO()
    torch.save(to_original(model), content)
    write_bytes(path, content.getvalue())


def export_weights(run_path: str | Path, out: str | Path, weights: str = "best") -> Path:
    """Write the weights of a run so that the original HAN's code loads them with ``strict=True``.

    Parameters
    ----------
    run_path
        Folder of a run trained here.
    out
        The file to write, a state dict for ``torch.load``.
    weights
        ``best`` (highest validation score) or ``last`` epoch.

    Returns
    -------
    pathlib.Path
        The path written.

    Raises
    ------
    NotApplicableError
        If the run is from an external model, or was trained on features that the original's code does not take.
    BadInputError
        If the run or its checkpoint is missing or damaged.
    """
    run = Run(run_path)
    if run.variant is None:
        raise NotApplicableError(f"{run_path}: an external model, which has no weights of HAN; give a run trained here")
    if weights not in ("best", "last"):
        raise BadInputError(f"weights {weights!r}: choose from best, last")
    streams = streams_from_json(run.header.training or {}, run.path / "run.json")
    unfit = mismatch(streams, widths(HAN_STREAMS), "the original HAN")
    if unfit:
        raise NotApplicableError(f"{run_path}: {unfit}; its code cannot load these weights")
    model = read_weights(run.path / "checkpoints" / f"{weights}.safetensors", Variant.parse(run.variant), streams)
    write_original(model, Path(out))
    return Path(out)


def to_original(model: HAN) -> dict[str, Tensor]:
    """Copy the weights under the original's names, so that the original's code loads them with ``strict=True``.

    Weights that the forward pass never uses are those that the network was loaded with. Otherwise they are zeros, and
    ones in the norms.

    Parameters
    ----------
    model
        The network.

    Returns
    -------
    dict[str, torch.Tensor]
        State dict of the original network.
    """
    used = {_original(name): weight.detach().clone() for name, weight in model.state_dict().items()}
    unused = {
        name: torch.ones(shape) if "norm" in name and name.endswith("weight") else torch.zeros(shape)
        for name, shape in _unused_shapes().items()
    }
    return {**unused, **model.unused, **used}


def _network(weights: Mapping[str, Tensor], variant: Variant | str, streams: Streams, source: str) -> HAN:
    """Return the network with weights under the original's names, which ``source`` holds."""
    # When wrapped for several devices, the original saves every name with the prefix "module.".
    weights = {name.removeprefix("module."): weight for name, weight in weights.items()}
    model = HAN(variant, streams)
    trained = _trained_widths(weights)
    unfit = mismatch(model.streams, trained, source) if trained else None
    if unfit:
        raise BadInputError(f"{unfit}; give data of the widths it was trained on, or other weights")
    expected = {**{_original(name): w.shape for name, w in model.state_dict().items()}, **_unused_shapes()}
    for name, weight in weights.items():
        if name not in expected:
            raise BadInputError(f"the original HAN has no weight {name!r}; give the state dict of that network")
        if not isinstance(weight, Tensor) or weight.shape != expected[name]:
            actual = f"shape {tuple(weight.shape)}" if isinstance(weight, Tensor) else f"type {type(weight).__name__}"
            raise BadInputError(
                f"weight {name!r} has {actual}, but the original HAN's has shape {tuple(expected[name])}; "
                "give the state dict of that network"
            )
    missing = [_original(name) for name in model.state_dict() if _original(name) not in weights]
    if missing:
        raise BadInputError(
            f"weight {missing[0]!r} and {len(missing) - 1} more are missing; give the complete state dict"
        )
    model.load_state_dict({name: weights[_original(name)] for name in model.state_dict()})
    model.unused = {name: weights[name].clone() for name in _unused_shapes() if name in weights}
    return model


def _trained_widths(weights: Mapping[str, Tensor]) -> tuple[int, ...]:
    """Return the widths of the streams that weights project, audio first; none if they are not projections."""
    projections = [weights.get(f"{layer}.weight") for layer in ("fc_a", "fc_v", "fc_st")]
    given = [weight for weight in projections if weight is not None]
    if len(given) < 2 or not all(isinstance(weight, Tensor) and weight.dim() == 2 for weight in given):
        return ()
    return tuple(weight.shape[1] for weight in given)


def _read(path: Path) -> dict[str, Tensor]:
    check_stored(path, "give a state dict as torch.save writes it")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise BadInputError(f"{path}: no such checkpoint; check the path") from None
    # torch.load raises many types of errors, for example of zip, pickle, the runtime and unicode.
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BadInputError(
            f"{path}: not a checkpoint of tensors alone ({reason}); give a state dict as torch.save writes it"
        ) from None
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise BadInputError(f"{path}: holds a {type(content).__name__}; give a state dict as torch.save writes it")
    return content


def _original(name: str) -> str:
    return name.replace("layer.", _LAYER, 1) if name.startswith("layer.") else name


def _unused_shapes() -> dict[str, tuple[int, ...]]:
    layer: dict[str, tuple[int, ...]] = {
        "self_attn.in_proj_weight": (3 * WIDTH, WIDTH),
        "self_attn.in_proj_bias": (3 * WIDTH,),
        "self_attn.out_proj.weight": (WIDTH, WIDTH),
        "self_attn.out_proj.bias": (WIDTH,),
        **{f"linear{i}.weight": (WIDTH, WIDTH) for i in (1, 2)},
        **{f"linear{i}.bias": (WIDTH,) for i in (1, 2)},
        **{f"norm{i}.{part}": (WIDTH,) for i in (1, 2) for part in ("weight", "bias")},
    }
    encoders = ("audio_encoder", "visual_encoder", "cmt_encoder")
    norms = ("cmt_encoder", "hat_encoder")
    return {
        **{f"{encoder}.layers.0.{name}": shape for encoder in encoders for name, shape in layer.items()},
        **{f"{e}.norm{i}.{part}": (WIDTH,) for e in norms for i in (1, 2) for part in ("weight", "bias")},
    }
