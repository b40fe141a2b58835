"""A run's weights: the best, the last, and all that is needed to go on from the last committed epoch.

``resume.pt`` belongs to the last committed epoch. It is written as ``resume.next.pt`` before the epoch is committed and
renamed after, so that whenever the run stops, the file that belongs to the last commit is there, under either name.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from mbias.errors import MbiasError
from mbias.files import sync_folder, write_bytes
from mbias.records.commits import Commit


@dataclass
class TrainingState:
    """All that training goes on from: after ``epoch`` epochs, of which the best scored ``best`` on validation."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    order: torch.Generator
    epoch: int = 0
    best: float = -1.0

    def to_plain(self) -> dict[str, Any]:
        """Plain types and tensors."""
        device = next(self.model.parameters()).device
        return {
            "epoch": self.epoch,
            "best": self.best,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "order": self.order.get_state(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        }

    def restore(self, plain: dict[str, Any]) -> None:
        """Take what `to_plain` gave back."""
        device = next(self.model.parameters()).device
        self.epoch, self.best = plain["epoch"], plain["best"]
        self.model.load_state_dict(plain["model"])
        self.optimizer.load_state_dict(plain["optimizer"])
        self.schedule.load_state_dict(plain["schedule"])
        self.order.set_state(plain["order"])
        torch.set_rng_state(plain["random"])
        if device.type == "cuda" and plain["random_cuda"] is not None:
            torch.cuda.set_rng_state(plain["random_cuda"], device)


class Checkpoints:
    """The folder ``checkpoints`` of a run."""

    def __init__(self, run: Path) -> None:
        self.folder = run / "checkpoints"
        self.resume = self.folder / "resume.pt"
        self.next = self.folder / "resume.next.pt"
        self.folder.mkdir(exist_ok=True)

    @property
    def finished(self) -> bool:
        """Whether the last weights are kept, and nothing to go on from."""
        return (self.folder / "last.safetensors").exists() and not self.resume.exists()

    def restore(self, state: TrainingState, commits: Sequence[Commit]) -> None:
        """Take back the state after the last of the committed epochs.

        Raises
        ------
        MbiasError
            If epochs are committed and their state is lost.
        """
        if not commits:
            return
        committed = commits[-1].epoch
        for path in (self.next, self.resume):
            plain = _load(path)
            if plain is not None and plain["epoch"] == committed:
                state.restore(plain)
                if path == self.next:
                    self.confirm(state, commits[-1].best)
                return
        raise MbiasError(f"{self.resume}: the state after epoch {committed} is lost; delete the run and train it again")

    def prepare(self, state: TrainingState) -> None:
        """Write the state of an epoch that is about to be committed."""
        content = io.BytesIO()
        torch.save(state.to_plain(), content)
        write_bytes(self.next, content.getvalue())

    def confirm(self, state: TrainingState, best: bool) -> None:
        """Make the state prepared the one to go on from; keep the weights if they are the best so far."""
        if best:
            self._write_weights("best", state)
        self.next.replace(self.resume)
        sync_folder(self.folder)

    def finish(self, state: TrainingState) -> None:
        """Keep the last weights, and no more the state to go on from."""
        self._write_weights("last", state)
        self.next.unlink(missing_ok=True)
        self.resume.unlink(missing_ok=True)

    def _write_weights(self, name: str, state: TrainingState) -> None:
        weights: dict[str, Tensor] = {k: v.detach().cpu().contiguous() for k, v in state.model.state_dict().items()}
        write_bytes(self.folder / f"{name}.safetensors", save(weights, {"epoch": str(state.epoch)}))


def _load(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    plain: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return plain
