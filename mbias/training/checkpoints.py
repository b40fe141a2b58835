"""The weights of a run (best and last epoch), and the state from which training resumes.

``resume.pt`` belongs to the last committed epoch. It is written as ``resume.next.pt`` before the epoch is committed and
renamed afterwards. Whenever the run stops, the state of the last commit therefore exists under one of the two names.
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
from mbias.mitigation import Mitigation
from mbias.records.commits import Commit


@dataclass
class TrainingState:
    """Everything that training resumes from.

    Parameters
    ----------
    model, optimizer, schedule
        The network, its optimiser and the schedule of the learning rate.
    order
        Generator of the order of the training videos.
    mitigation
        The mitigation, if the run has one.
    epoch
        Number of epochs trained.
    best
        Highest validation score so far, segment-level Type@AV in [0, 1]; -1 before the first epoch.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    order: torch.Generator
    mitigation: Mitigation | None = None
    epoch: int = 0
    best: float = -1.0

    def to_plain(self) -> dict[str, Any]:
        """Return the state as plain types and tensors, with the state of PyTorch's random numbers."""
        device = next(self.model.parameters()).device
        return {
            "epoch": self.epoch,
            "best": self.best,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "order": self.order.get_state(),
            "mitigation": None if self.mitigation is None else self.mitigation.state_dict(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        }

    def restore(self, plain: dict[str, Any]) -> None:
        """Restore what `to_plain` returned, including the state of PyTorch's random numbers."""
        device = next(self.model.parameters()).device
        self.epoch, self.best = plain["epoch"], plain["best"]
        self.model.load_state_dict(plain["model"])
        self.optimizer.load_state_dict(plain["optimizer"])
        self.schedule.load_state_dict(plain["schedule"])
        self.order.set_state(plain["order"])
        if self.mitigation is not None:
            self.mitigation.load_state_dict(plain["mitigation"])
        torch.set_rng_state(plain["random"])
        if device.type == "cuda" and plain["random_cuda"] is not None:
            torch.cuda.set_rng_state(plain["random_cuda"], device)


class Checkpoints:
    """The folder ``checkpoints`` of a run.

    Parameters
    ----------
    run
        The run's folder. Nothing is created before the first state is written.
    """

    def __init__(self, run: Path) -> None:
        self.folder = run / "checkpoints"
        self.resume = self.folder / "resume.pt"
        self.next = self.folder / "resume.next.pt"

    @property
    def finished(self) -> bool:
        """Whether the last weights are kept and the state to resume from is removed."""
        return (self.folder / "last.safetensors").exists() and not self.resume.exists()

    def restore(self, state: TrainingState, commits: Sequence[Commit]) -> None:
        """Restore the state after the last committed epoch; without commits, leave it as it is.

        Parameters
        ----------
        state
            The state to overwrite.
        commits
            The committed epochs.

        Raises
        ------
        MbiasError
            If epochs are committed and their state is missing.
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
        raise MbiasError(
            f"{self.resume}: the state after epoch {committed} is missing; delete the run and train it again"
        )

    def prepare(self, state: TrainingState) -> None:
        """Write the state of an epoch that is about to be committed."""
        self.folder.mkdir(exist_ok=True)
        content = io.BytesIO()
        torch.save(state.to_plain(), content)
        write_bytes(self.next, content.getvalue())

    def confirm(self, state: TrainingState, best: bool) -> None:
        """Make the prepared state the one to resume from, and keep its weights if they are the best so far."""
        if best:
            self._write_weights("best", state)
        self.next.replace(self.resume)
        sync_folder(self.folder)

    def finish(self, state: TrainingState) -> None:
        """Keep the last weights, and remove the state to resume from."""
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
