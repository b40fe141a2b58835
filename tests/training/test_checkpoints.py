"""Weights, and the state to resume from."""

import pytest
import torch

from mbias.errors import MbiasError
from mbias.records.commits import Commit
from mbias.training.checkpoints import Checkpoints, TrainingState


def new_state(seed):
    torch.manual_seed(seed)
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    return TrainingState(model, optimizer, schedule, torch.Generator().manual_seed(seed))


def trained(state):
    """The state one epoch later."""
    state.model(torch.ones(1, 2)).sum().backward()
    state.optimizer.step()
    state.schedule.step()
    torch.randperm(5, generator=state.order)
    state.epoch, state.best = state.epoch + 1, 0.5
    return state


def commit(epoch, best=True):
    return Commit(epoch, {}, (), 0, "", best=best)


def next_numbers(state):
    return state.model.weight.tolist(), torch.rand(1).item(), torch.randperm(9, generator=state.order).tolist()


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_restored_state_continues_with_the_same_numbers(tmp_path, confirmed):
    """Also if the process was killed after the commit and before the state was renamed."""
    state, checkpoints = trained(new_state(0)), Checkpoints(tmp_path)
    checkpoints.prepare(state)
    if confirmed:
        checkpoints.confirm(state, best=True)
    expected = next_numbers(state)

    restored = new_state(1)
    Checkpoints(tmp_path).restore(restored, [commit(1)])

    assert next_numbers(restored) == expected
    assert (restored.epoch, restored.best) == (1, 0.5)
    assert (tmp_path / "checkpoints" / "best.safetensors").exists()
    assert not checkpoints.next.exists()


def test_a_state_that_was_not_committed_is_not_restored(tmp_path):
    state, checkpoints = trained(new_state(0)), Checkpoints(tmp_path)
    checkpoints.prepare(state)
    checkpoints.confirm(state, best=True)
    checkpoints.prepare(trained(state))
    restored = new_state(1)
    checkpoints.restore(restored, [commit(1)])
    assert restored.epoch == 1


def test_a_missing_state_is_named(tmp_path):
    with pytest.raises(MbiasError, match=r"resume.pt: the state after epoch 3 is missing; delete the run"):
        Checkpoints(tmp_path).restore(new_state(0), [commit(1), commit(2), commit(3)])


def test_a_finished_run_keeps_weights_alone(tmp_path):
    state, checkpoints = trained(new_state(0)), Checkpoints(tmp_path)
    assert not checkpoints.finished
    checkpoints.prepare(state)
    checkpoints.confirm(state, best=False)
    assert not checkpoints.finished
    checkpoints.finish(state)
    assert checkpoints.finished
    assert [path.name for path in checkpoints.folder.iterdir()] == ["last.safetensors"]


def test_looking_at_checkpoints_creates_nothing(tmp_path):
    assert not Checkpoints(tmp_path).finished
    assert list(tmp_path.iterdir()) == []
