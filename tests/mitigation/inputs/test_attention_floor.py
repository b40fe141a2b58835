import pytest
import torch

from mbias.errors import BadInputError
from mbias.mitigation import AttentionFloor


@pytest.mark.parametrize("modalities", [2, 3])
def test_every_modality_gets_a_least_weight_and_weights_still_add_up(modalities):
    weights = torch.zeros(4, modalities, 5)
    weights[:, 0] = 1
    mixed = AttentionFloor(share=0.3).attention(weights)
    assert mixed.min().item() == pytest.approx(0.3 / modalities)
    assert mixed[0, 0, 0].item() == pytest.approx(0.7 + 0.3 / modalities)
    assert torch.allclose(mixed.sum(1), torch.ones(4, 5))


def test_the_ignored_branch_gets_a_gradient():
    values = torch.tensor([1.0, 2.0], requires_grad=True)
    ignoring = torch.tensor([[1.0], [0.0]])
    (AttentionFloor(share=0.2).attention(ignoring).squeeze() @ values).backward()
    assert values.grad.tolist() == pytest.approx([0.9, 0.1])


def test_a_share_that_is_none_is_refused():
    with pytest.raises(BadInputError, match=r"AttentionFloor: share 1\.5 is not a number from 0 to 1; give one"):
        AttentionFloor(share=1.5)
