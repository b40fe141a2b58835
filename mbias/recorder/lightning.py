"""A `Recorder` in Lightning's training loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from lightning import Callback, LightningModule, Trainer

from mbias.errors import BadInputError
from mbias.recorder.recorder import Recorder


class RecorderCallback(Callback):
    """Records the validation batches of every epoch, and commits it when the epoch ends.

    Parameters
    ----------
    recorder
        Of the samples of the validation set, its modules watched already.
    index
        The samples' places from a validation batch, as ``lambda batch: batch["index"]``.
    losses
        Names under which the module logs its training losses (with ``on_epoch=True``), by modality and ``joint``.
    """

    def __init__(self, recorder: Recorder, index: Callable[[Any], Any], losses: Mapping[str, str]) -> None:
        self.recorder = recorder
        self._index = index
        self._losses = dict(losses)
        self._open = ExitStack()

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse what would be recorded in part."""
        if trainer.world_size > 1:
            raise BadInputError(f"training on {trainer.world_size} processes: a Recorder sees one; train on one")

    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Open the batch."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._open.enter_context(self.recorder.batch(self._index(batch)))

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep what was recorded of it."""
        self._open.close()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Commit the epoch."""
        for loss, metric in self._losses.items():
            if metric not in trainer.callback_metrics:
                raise BadInputError(f"loss {loss!r}: nothing is logged as {metric!r}; log it with on_epoch=True")
            self.recorder.losses(1, "optimised", **{loss: trainer.callback_metrics[metric]})
        self.recorder.commit_epoch()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Drop the epoch, and take the hooks off."""
        self.recorder.close()
