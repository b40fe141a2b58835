"""A `Recorder` in the training loop of Lightning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor

from mbias.errors import BadInputError
from mbias.recorder.recorder import Recorder


class RecorderCallback(Callback):  # type: ignore[misc, unused-ignore]  # lightning is optional
    """Record the validation batches of every epoch of ``fit``, and commit the epoch when it ends.

    Epochs without a validation are part of the next one with a validation. Nothing is recorded in ``validate``,
    ``test``, ``predict`` and the sanity check. If a `ModelCheckpoint` monitors a metric, the epoch whose model it keeps
    as the best is marked so. When training resumes from a checkpoint, epochs that the record holds already are not
    recorded again.

    Parameters
    ----------
    recorder
        Recorder for the samples of the validation set. Its modules must be watched already.
    index
        Function that returns the sample indices of a validation batch, for example ``lambda batch: batch["index"]``.
    losses
        Names under which the module logs its training losses (with ``on_epoch=True``), by modality and ``joint``.
    dataloader
        Number of the validation data loader to record, from 0, if there are several.
    """

    def __init__(
        self,
        recorder: Recorder,
        index: Callable[[Any], Any],
        losses: Mapping[str, str],
        dataloader: int | None = None,
    ) -> None:
        self.recorder = recorder
        self._index = index
        self._losses = dict(losses)
        self._dataloader = dataloader
        self._open = ExitStack()
        self._held, self._steps, self._validated = 0, 0, False
        self._score: Tensor | None = None

    def state_dict(self) -> dict[str, Any]:
        """Store in a checkpoint how many epochs the record holds."""
        return {"epochs": self.recorder.epochs}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Find how many epochs the record holds that training will repeat."""
        self._held = self.recorder.epochs - state_dict["epochs"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the first epoch."""
        self.recorder.require_open()
        if trainer.world_size > 1:
            raise BadInputError(f"a Recorder sees one process only; train on one instead of {trainer.world_size}")
        self.recorder.drop_epoch()
        self._steps, self._validated = trainer.global_step, False

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remember the best score of the epochs before."""
        checkpoint = _monitoring(trainer)
        self._score = checkpoint.best_model_score if checkpoint else None

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Require that one data loader is chosen, which the sanity check finds out before training."""
        if trainer.state.fn != "fit":
            return
        loaders = len(trainer.num_val_batches)
        if self._dataloader is None and loaders > 1:
            raise BadInputError(
                f"there are {loaders} validation data loaders; choose the one to record with dataloader="
            )
        if self._dataloader is not None and not 0 <= self._dataloader < loaders:
            raise BadInputError(f"no validation data loader has the number {self._dataloader}; take 0 to {loaders - 1}")

    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Open the batch in the recorder."""
        # In the sanity check too, which so finds a wrong index before training; on_train_start drops what it recorded.
        if trainer.state.fn == "fit" and dataloader_idx == (self._dataloader or 0):
            self._open.enter_context(self.recorder.batch(self._index(batch)))
            self._validated = True

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Close the batch, so that its outputs are kept."""
        self._open.close()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Commit the epoch."""
        # Of an epoch that was stopped after its validation, only the end may be left.
        stepped, self._steps = trainer.global_step > self._steps, trainer.global_step
        if stepped:
            for loss, metric in self._losses.items():
                if metric not in trainer.callback_metrics:
                    raise BadInputError(f"loss {loss!r}: the module logs no {metric!r}; log it with on_epoch=True")
                self.recorder.losses(1, "optimised", **{loss: trainer.callback_metrics[metric]})
            if trainer.enable_validation and not self._validated:
                return
        self._validated = False
        if self._held > 0:
            self._held -= 1
            self.recorder.drop_epoch()
        elif stepped:
            self.recorder.commit_epoch(best=self._is_kept(trainer))

    def _is_kept(self, trainer: Trainer) -> bool:
        """Whether the checkpoint of this epoch is the best one."""
        checkpoint = _monitoring(trainer)
        if checkpoint is None:
            return False
        best = checkpoint.best_model_score
        if best is not self._score:  # it is saved already, after the validation
            return True
        # It is saved right after this hook, if at all.
        every = checkpoint.every_n_epochs
        score = trainer.callback_metrics.get(checkpoint.monitor or "")
        if score is None or not every or (trainer.current_epoch + 1) % every:
            return False
        return best is None or bool(score < best if checkpoint.mode == "min" else score > best)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Drop the epoch; the recorder removes its hooks when it closes."""
        self._open.__exit__(type(exception), exception, exception.__traceback__)
        self.recorder.drop_epoch()
        self._held = 0


def _monitoring(trainer: Trainer) -> ModelCheckpoint | None:
    """The first checkpoint that keeps the best model by a metric."""
    found = (c for c in trainer.checkpoint_callbacks if isinstance(c, ModelCheckpoint) and c.monitor and c.save_top_k)
    return next(found, None)
