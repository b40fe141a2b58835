"""Ask a ViLT of Hugging Face's transformers whether it depends on the text or on the image.

    python examples/diagnose_vilt.py runs/vilt

The network is tiny, starts from random weights, and learns for a few seconds. The data are simulated: the text tells
the answer, and the images are noise, so the verdict should name the text.
"""

import sys

import torch
from torch.nn.functional import cross_entropy
from transformers import ViltConfig, ViltForQuestionAnswering

import mbias

ANSWERS, WORDS, PIXELS = 4, 10, 16
TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
CONFIG = ViltConfig(
    **TINY, vocab_size=50, image_size=PIXELS, patch_size=8, max_position_embeddings=WORDS, num_labels=ANSWERS
)


def simulate(samples):
    """Draw questions of 4 to 10 words, one of which tells the answer, and images of noise."""
    answers = torch.randint(ANSWERS, (samples,))
    words = torch.randint(10, 50, (samples, WORDS))
    words[:, 1] = 1 + answers
    mask = (torch.arange(WORDS) < torch.randint(4, WORDS + 1, (samples, 1))).long()
    images = torch.randn(samples, 3, PIXELS, PIXELS)
    return {"text": {"input_ids": words * mask, "attention_mask": mask}, "image": {"pixel_values": images}}, answers


def main(path):
    """Train the network, and print what it depends on."""
    torch.manual_seed(0)
    (data, answers), (held_out, held_out_answers) = simulate(600), simulate(300)
    model = ViltForQuestionAnswering(CONFIG)
    inputs = data["text"] | data["image"]
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    for _ in range(4):
        for index in torch.randperm(len(answers)).split(50):
            loss = cross_entropy(
                model(**{name: values[index] for name, values in inputs.items()}).logits, answers[index]
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    # --- from the trained model to a verdict
    found = mbias.diagnose(
        model,
        held_out,
        held_out_answers,
        task="single_label",
        output=lambda returned: returned.logits.softmax(dim=-1),
        simulated=True,
    )
    print(found.sentence)
    found.save(path)
    # ---


if __name__ == "__main__":
    main(sys.argv[1])
