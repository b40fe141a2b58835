"""Ask a transformer over the tokens of two modalities which of them it depends on.

    python examples/diagnose_transformer.py runs/transformer

A sample has 5 tokens of text and 12 of an image, and one label. The data are simulated: a token of the image, at a
random place, shows the label in every sample; a token of the text shows it in every third one. The verdict should name
the image.
"""

import sys

import torch
from torch import nn
from torch.nn.functional import cross_entropy, one_hot

import mbias

CLASSES, WIDTH, TOKENS = 4, 32, {"text": 5, "image": 12}


class Fusion(nn.Module):
    """An encoder over the tokens of both modalities; a CLS token, which attends to all, is classified."""

    def __init__(self):
        super().__init__()
        self.cls = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.kinds = nn.Parameter(torch.randn(2, WIDTH))
        self.project = nn.ModuleList(nn.Linear(8, WIDTH) for _ in TOKENS)
        layer = nn.TransformerEncoderLayer(WIDTH, 4, 64, dropout=0.1, batch_first=True)
        self.encoder, self.head = nn.TransformerEncoder(layer, 2), nn.Linear(WIDTH, CLASSES)

    def forward(self, text, image):
        """Return logits."""
        tokens = [self.project[m](x) + self.kinds[m] for m, x in enumerate((text, image))]
        return self.head(self.encoder(torch.cat([self.cls.expand(len(text), 1, -1), *tokens], dim=1))[:, 0])


def simulate(samples):
    """Draw tokens and labels."""
    labels = torch.randint(CLASSES, (samples,))
    data = {name: torch.randn(samples, tokens, 8) for name, tokens in TOKENS.items()}
    for name, shown in (("text", torch.rand(samples, 1) < 1 / 3), ("image", torch.ones(samples, 1))):
        data[name][torch.arange(samples), torch.randint(TOKENS[name], (samples,))] += 6 * shown * one_hot(labels, 8)
    return data, labels


def main(path):
    """Train the network, and print what it depends on."""
    torch.manual_seed(0)
    (data, labels), (held_out, held_out_labels) = simulate(1500), simulate(400)
    model = Fusion()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(5):
        for index in torch.randperm(len(labels)).split(50):
            loss = cross_entropy(model(data["text"][index], data["image"][index]), labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    # --- from the trained model to a verdict
    found = mbias.diagnose(
        model,
        held_out,
        held_out_labels,
        task="single_label",
        output=lambda logits: logits.softmax(dim=-1),
        simulated=True,
    )
    print(found.sentence)
    found.save(path)
    # ---


if __name__ == "__main__":
    main(sys.argv[1])
