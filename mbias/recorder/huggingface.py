"""A `Recorder` in the training loop of the Hugging Face Trainer."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from mbias.errors import BadInputError
from mbias.recorder.recorder import Recorder


class RecorderCallback(TrainerCallback):  # type: ignore[misc, unused-ignore]  # transformers is optional
    """Record the batches of every evaluation and the losses of the steps before it, and commit them as an epoch.

    The Trainer does not show batches to its callbacks. Each item of the data sets therefore holds its sample index
    under the key ``index``, which is removed before the model sees the batch. Set ``remove_unused_columns=False``, so
    that the Trainer keeps this key.

    Parameters
    ----------
    recorder
        Recorder for the samples of the evaluation set. Its modules must be watched already.
    index
        Key of an item that holds its sample index.
    losses
        Keys of the model's output that hold its losses, by modality and ``joint``. By default, ``joint`` is ``loss``.
    """

    def __init__(self, recorder: Recorder, index: str = "index", losses: Mapping[str, str] | None = None) -> None:
        self.recorder = recorder
        self._index = index
        self._losses = {"joint": "loss"} if losses is None else dict(losses)
        self._hooks: list[Any] = []
        self._open = ExitStack()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: nn.Module, **kwargs: Any
    ) -> None:
        """Register the hooks on the model."""
        if args.world_size > 1 or args.n_gpu > 1:
            raise BadInputError("a Recorder sees one process and one GPU only; train on one")
        self._hooks = [
            model.register_forward_pre_hook(self._before, with_kwargs=True, prepend=True),
            model.register_forward_hook(self._after, with_kwargs=True, always_call=True),
        ]

    def _before(
        self, model: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if self._index not in named:
            raise BadInputError(
                f"the batch lacks {self._index!r}; put the sample index of each item under this key, and set "
                "remove_unused_columns=False"
            )
        named = dict(named)
        index = named.pop(self._index)
        if not model.training:
            self._open.enter_context(self.recorder.batch(index))
        return arguments, named

    def _after(self, model: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
        self._open.close()
        if model.training and output is not None:
            self.recorder.losses(1, "optimised", **{loss: output[key] for loss, key in self._losses.items()})

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Commit the epoch."""
        rate = state.log_history[-1].get("learning_rate") if state.log_history else None
        self.recorder.commit_epoch(learning_rate=rate)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Remove the hooks."""
        for hook in self._hooks:
            hook.remove()
