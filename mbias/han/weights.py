"""Weights of the original HAN, in and out, under the names of its checkpoints.

The original's state dict also holds encoders that its forward pass never uses; they are carried along, so that a
checkpoint that is read and given back is the same.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mbias.errors import BadInputError
from mbias.files import write_bytes
from mbias.han.network import HAN, WIDTH
from mbias.terms import Variant
from mbias.untrusted import check_stored

_LAYER = "hat_encoder.layers.0."


def load_original(source: Mapping[str, Tensor] | str | Path, variant: Variant | str) -> HAN:
    """Network of a variant with the weights of an original checkpoint.

    Parameters
    ----------
    source
        The original's state dict, or the path of a file that holds it.

    Raises
    ------
    BadInputError
        If the file cannot be read as tensors alone, or a weight is missing, unknown or of another shape.
    """
    weights = _read(Path(source)) if isinstance(source, str | Path) else dict(source)
    # Wrapped for several devices, the original saved every name behind "module.".
    weights = {name.removeprefix("module."): weight for name, weight in weights.items()}
    model = HAN(variant)
    expected = {**{_original(name): w.shape for name, w in model.state_dict().items()}, **_unused_shapes()}
    for name, weight in weights.items():
        if name not in expected:
            raise BadInputError(f"weight {name!r} is none of the original HAN's; give the state dict of that network")
        if not isinstance(weight, Tensor) or weight.shape != expected[name]:
            found = tuple(weight.shape) if isinstance(weight, Tensor) else type(weight).__name__
            raise BadInputError(f"weight {name!r} is {found}, the original HAN's is {tuple(expected[name])}")
    missing = [_original(name) for name in model.state_dict() if _original(name) not in weights]
    if missing:
        raise BadInputError(f"weight {missing[0]!r} is missing, and {len(missing) - 1} more; give the whole state dict")
    model.load_state_dict({name: weights[_original(name)] for name in model.state_dict()})
    model.unused = {name: weights[name].clone() for name in _unused_shapes() if name in weights}
    return model


def read_weights(path: Path, variant: Variant | str) -> HAN:
    """Network of a variant with the weights of a file: an original checkpoint, or one of a run trained here.

    Raises
    ------
    BadInputError
        As `load_original` does.
    """
    if path.suffix != ".safetensors":
        return load_original(path, variant)
    try:
        weights = load_file(path)
    except FileNotFoundError:
        raise BadInputError(f"{path}: there is no such checkpoint") from None
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise BadInputError(f"{path}: not a readable checkpoint ({error})") from None
    return load_original({_original(name): weight for name, weight in weights.items()}, variant)


def write_original(model: HAN, path: Path) -> None:
    """Write the state dict under the original's names, for `torch.load` there."""
    content = io.BytesIO()
    torch.save(to_original(model), content)
    write_bytes(path, content.getvalue())


def to_original(model: HAN) -> dict[str, Tensor]:
    """State dict under the original's names, which loads there with ``strict=True``.

    Weights the forward pass never uses are those the model was loaded with, else what an untrained one would not
    miss: zeros, and ones in the norms.
    """
    used = {_original(name): weight.detach().clone() for name, weight in model.state_dict().items()}
    unused = {
        name: torch.ones(shape) if "norm" in name and name.endswith("weight") else torch.zeros(shape)
        for name, shape in _unused_shapes().items()
    }
    return {**unused, **model.unused, **used}


def _read(path: Path) -> dict[str, Tensor]:
    check_stored(path, "give a state dict as torch.save writes it")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise BadInputError(f"{path}: there is no such checkpoint") from None
    # torch.load raises what it meets: zip, pickle, runtime and unicode errors among them.
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BadInputError(f"{path}: not a checkpoint of tensors alone ({reason})") from None
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise BadInputError(f"{path}: holds a {type(content).__name__}, not a state dict")
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
