"""A `Recorder` in the training loop of the Hugging Face Trainer."""

from __future__ import annotations

import dataclasses
import math
import sys
import weakref
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from mbias.errors import BadInputError
from mbias.recorder.recorder import Recorder


class _WithoutIndex:
    """A hook that removes the sample index from a batch; it can be pickled and copied with the model."""

    def __init__(self, index: str) -> None:
        self._index = index

    def __call__(
        self, model: nn.Module, arguments: tuple[Any, ...], batch: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return arguments, {name: value for name, value in batch.items() if name != self._index}


@dataclasses.dataclass
class _Round:
    """The evaluation between two training steps, of one set or of several in turn."""

    metrics: dict[str, float] = dataclasses.field(default_factory=dict)
    recorded: bool = False
    refusal: BadInputError | None = None


class RecorderCallback(TrainerCallback):  # type: ignore[misc, unused-ignore]  # transformers is optional
    """Record the batches of every evaluation and the losses of the steps before it, and commit them as an epoch.

    The Trainer does not show batches to its callbacks. Each item of the evaluation set therefore holds its sample index
    under the key ``index``, which is removed before the model sees the batch. Set ``remove_unused_columns=False``, so
    that the Trainer keeps this key.

    Only evaluations after a training step are recorded: not that of ``eval_on_start``, and neither ``evaluate`` nor
    ``predict`` before or after ``train``. The index is removed in all of them, as long as the callback exists.

    If ``metric_for_best_model`` is set, the epoch whose model the Trainer keeps is marked as the best one. When
    training resumes from a checkpoint, evaluations that the record holds already are not recorded again.

    Parameters
    ----------
    recorder
        Recorder for the samples of the evaluation set. Its modules must be watched already.
    index
        Key of an item that holds its sample index.
    losses
        Keys of the model's output that hold its losses, by modality and ``joint``. By default, ``joint`` is ``loss``.
    evaluation
        Name of the evaluation set to record, if ``eval_dataset`` is a dictionary.
    """

    def __init__(
        self,
        recorder: Recorder,
        index: str = "index",
        losses: Mapping[str, str] | None = None,
        evaluation: str | None = None,
    ) -> None:
        self.recorder = recorder
        self._index = index
        self._losses = {"joint": "loss"} if losses is None else dict(losses)
        self._evaluation = evaluation
        self._removal, self._hooks, self._batch = ExitStack(), ExitStack(), ExitStack()
        weakref.finalize(self, self._removal.close)
        self._stepped = False
        self._step: list[tuple[int, dict[str, Any]]] = []
        self._summed = False
        self._rate: float | None = None
        self._round = _Round()
        self._held = 0

    def on_init_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Remove the index from every batch from now on."""
        self._removal.close()
        hook = kwargs["model"].register_forward_pre_hook(_WithoutIndex(self._index), with_kwargs=True, prepend=True)
        self._removal.callback(hook.remove)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Register the hooks that record."""
        self.recorder.require_open()
        if args.world_size > 1 or args.n_gpu > 1:
            raise BadInputError("a Recorder sees one process and one GPU only; train on one")
        if args.eval_strategy == "no":
            raise BadInputError("the Trainer does not evaluate, so nothing is recorded; set eval_strategy")
        if args.remove_unused_columns:
            raise BadInputError(f"the Trainer removes {self._index!r}; set remove_unused_columns=False")
        # The model can be a new one (model_init), and this the next attempt after a failure.
        self.on_init_end(args, state, control, **kwargs)
        self._hooks.close()
        self.recorder.drop_epoch()
        self._stepped, self._round = False, _Round()
        evaluated = {entry["step"] for entry in state.log_history if entry["step"] and self._sign in entry}
        self._held = self.recorder.epochs - len(evaluated) if state.global_step else 0
        model = kwargs["model"]
        before = model.register_forward_pre_hook(self._before, with_kwargs=True, prepend=True)
        after = model.register_forward_hook(self._after, with_kwargs=True, always_call=True)
        self.recorder.closing.callback(self._hooks.close)
        self._hooks.callback(before.remove)
        self._hooks.callback(after.remove)

    @property
    def _sign(self) -> str:
        """The metric by which the evaluation of the recorded set is known; the Trainer adds it to all others."""
        return "eval_runtime" if self._evaluation is None else f"eval_{self._evaluation}_runtime"

    def _before(self, model: nn.Module, arguments: tuple[Any, ...], batch: dict[str, Any]) -> None:
        if model.training or not self._stepped or self._round.recorded or self._round.refusal:
            return
        with self._refusing():
            if self._index not in batch:
                raise BadInputError(f"the batch lacks {self._index!r}; put the index of each sample under this key")
            self._batch.enter_context(self.recorder.batch(batch[self._index]))

    def _after(self, model: nn.Module, arguments: tuple[Any, ...], batch: dict[str, Any], output: Any) -> None:
        if output is None:  # the forward pass failed
            self._batch.__exit__(*sys.exc_info())
        elif model.training:
            losses = {loss: _value(output, loss, key) for loss, key in self._losses.items()}
            self._step.append((_size(batch), losses))
            self._summed = batch.get("num_items_in_batch") is not None
        else:
            with self._refusing():
                self._batch.close()

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        # Which of several sets is evaluated is known only at the end, so until then any batch may be of another set.
        try:
            yield
        except BadInputError as error:
            if self._evaluation is None:
                raise
            self._round.refusal = error

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Take the learning rate, and require that the evaluation before this step was recorded."""
        self._require_recorded()
        self._step = []
        self._rate = float(kwargs["optimizer"].param_groups[0]["lr"])

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Add the losses of the step."""
        self._stepped = True
        if not self._summed:
            for size, losses in self._step:
                self.recorder.losses(size, **losses)
            return
        # The model has divided its losses by the number of items in all batches of the step.
        sums = {loss: sum(losses[loss] for _, losses in self._step) for loss in self._losses}
        self.recorder.losses(sum(size for size, _ in self._step), **sums)

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Commit the epoch, once the recorded set is evaluated and the metric of the best model is known."""
        if not self._stepped or self.recorder.closed:
            return
        this = self._round
        this.metrics.update(kwargs["metrics"])
        if self._sign in kwargs["metrics"]:
            if this.refusal:
                raise this.refusal
            this.recorded = True
        elif not this.recorded:
            self.recorder.drop_arrays()
            this.refusal = None
            if self._evaluation is None:
                self._require_recorded()
        monitored = _monitored(args)
        if this.recorded and (monitored is None or monitored in this.metrics):
            best = monitored is not None and _is_kept(this.metrics[monitored], args, state, control)
            self._stepped, self._round = False, _Round()
            if self._held > 0:
                self._held -= 1
                self.recorder.drop_epoch()
            else:
                self.recorder.commit_epoch(best=best, learning_rate=self._rate)

    def _require_recorded(self) -> None:
        ends = [key for key in self._round.metrics if key.startswith("eval_") and key.endswith("_runtime")]
        if ends and not self._round.recorded:
            names = ", ".join(key[len("eval_") : -len("_runtime")] for key in ends if key != "eval_runtime")
            raise BadInputError(
                f"the evaluation sets are {names}; name the one to record with evaluation="
                if names
                else "the only evaluation set has no name; leave out evaluation="
            )

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Remove the hooks that record."""
        self._hooks.close()
        self._require_recorded()
        self._stepped = False


def _size(batch: Mapping[str, Any]) -> int:
    return next((len(value) for value in batch.values() if isinstance(value, Tensor) and value.ndim), 1)


def _value(output: Any, loss: str, key: str) -> Any:
    value = output.get(key) if isinstance(output, Mapping) else None
    if value is None:
        returned = f"only {', '.join(output)}" if isinstance(output, Mapping) else f"a {type(output).__name__}"
        raise BadInputError(
            f"loss {loss!r}: the model returns {returned}, without {key!r}; return it, or name its key with losses="
        )
    return value.detach() if isinstance(value, Tensor) else value


def _monitored(args: TrainingArguments) -> str | None:
    name = args.metric_for_best_model
    return name if name is None or name.startswith("eval_") else f"eval_{name}"


def _is_kept(value: float, args: TrainingArguments, state: TrainerState, control: TrainerControl) -> bool:
    """Whether the Trainer will keep the model of this evaluation as the best one; it decides after this event."""
    worst = -math.inf if args.greater_is_better else math.inf
    best = worst if state.best_metric is None else state.best_metric
    better = value > best if args.greater_is_better else value < best
    # Of the better models, only one that is saved can be loaded at the end.
    saved = control.should_save or args.save_strategy == "best"
    return better and (saved or not args.load_best_model_at_end)
