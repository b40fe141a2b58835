"""A `Recorder` in the training loop of Lightning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from lightning import Callback, LightningModule, Trainer

from mbias.errors import BadInputError
from mbias.recorder.recorder import Recorder


class RecorderCallback(Callback):  # type: ignore[misc, unused-ignore]  # lightning is optional
    """Record the validation batches of every epoch, and commit the epoch when it ends.

    Parameters
    ----------
    recorder
        Recorder for the samples of the validation set. Its modules must be watched already.
    index
        Function that returns the sample indices of a validation batch, for example ``lambda batch: batch["index"]``.
    losses
        Names under which the module logs its training losses (with ``on_epoch=True``), by modality and ``joint``.
    """

    def __init__(self, recorder: Recorder, index: Callable[[Any], Any], losses: Mapping[str, str]) -> None:
        self.recorder = recorder
        self._index = index
        self._losses = dict(losses)
        self._open = ExitStack()

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse to train on several processes, of which only one would be recorded."""
        if trainer.world_size > 1:
            raise BadInputError(f"a Recorder sees one process only; train on one instead of {trainer.world_size}")

    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Open the batch in the recorder."""
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
        """Close the batch, so that its outputs are kept."""
        self._open.close()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Commit the epoch."""
        for loss, metric in self._losses.items():
            if metric not in trainer.callback_metrics:
                raise BadInputError(f"loss {loss!r}: the module logs no {metric!r}; log it with on_epoch=True")
            self.recorder.losses(1, "optimised", **{loss: trainer.callback_metrics[metric]})
        self.recorder.commit_epoch()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Drop the epoch and remove the hooks."""
        self.recorder.close()
