"""Make a run from arrays saved as .npz, with `mbias import` and with `mbias.RunWriter`. PyTorch is not needed.

    python examples/import_npz.py runs/imported && mbias-analyze attention runs/imported

The arrays are random. `mbias.import_run` does in Python what the command does.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

import mbias


def main(path):
    """Save arrays, import them with the command, and write the same run from Python."""
    path = Path(path)
    path.mkdir(parents=True)
    rng = np.random.default_rng(0)
    weights = rng.dirichlet((4, 1), size=(3, 40, 10, 5)).transpose(0, 1, 2, 4, 3).astype(np.float32)
    np.savez(path / "attention.npz", attention=weights)
    (path / "log.csv").write_text("epoch,loss,audio,visual\n1,0.6,0.61,0.69\n2,0.4,0.41,0.67\n3,0.3,0.3,0.66\n")

    # The option --axes names the axes in the order of the array.
    command = [
        *("mbias", "import", path / "attention.npz", "--out", path / "by-command"),
        *("--array", "wav=attention", "--axes", "wav=epoch,sample,segment,modality,category"),
        *("--categories", "Speech,Dog,Cello,Car,Cat", "--losses", path / "log.csv", "--joint", "loss"),
    ]
    subprocess.run([str(argument) for argument in command], check=True)

    header = mbias.Header(
        modalities=("audio", "visual"),
        categories=("Speech", "Dog", "Cello", "Car", "Cat"),
        losses=("loss", "audio", "visual"),
        joint_loss="loss",
        split="test",
        arrays={"wav": ("sample", "segment", "modality", "category")},
    )
    samples = pd.DataFrame({"sample": [f"sample {i + 1}" for i in range(40)]})
    writer = mbias.RunWriter.create(path / "by-hand", header, samples)
    curves = pd.read_csv(path / "log.csv")
    for epoch, values in enumerate(weights):
        row = curves.iloc[epoch]
        writer.commit({name: {"optimised": float(row[name])} for name in header.losses}, {"wav": values})


if __name__ == "__main__":
    main(sys.argv[1])
