"""Ask from the answers of an audio-visual language model which modality it depends on. PyTorch is not needed.

    python examples/import_answers.py runs/answers

The answers are simulated: the model sees, and hears little.
"""

import json
import sys
from pathlib import Path

import numpy as np

import mbias


def write_log(path):
    """Write answers to 200 questions: as they are, without each modality, and with the audio of another video."""
    rng = np.random.default_rng(0)
    right = rng.choice(["A", "B", "C", "D"], size=200)
    with path.open("w") as file:
        for condition, known in {"full": 0.8, "no audio": 0.75, "no video": 0.2, "swapped audio": 0.75}.items():
            # Which questions the model can answer is the same under all conditions; it guesses the others.
            answers = np.where(np.arange(200) < 200 * known, right, rng.choice(["A", "B", "C", "D"], size=200))
            for item, (answer, gold) in enumerate(zip(answers.tolist(), right.tolist(), strict=True)):
                line = {"question_id": item, "condition": condition, "prediction": answer, "answer": gold}
                file.write(json.dumps(line) + "\n")


def main(path):
    """Import the log, and print the verdict."""
    log = Path(path).with_suffix(".jsonl")
    log.parent.mkdir(parents=True, exist_ok=True)
    write_log(log)
    run = mbias.import_run(log, path)
    table = mbias.diagnosis(run)
    print(table.loc[0, "verdict"])


if __name__ == "__main__":
    main(sys.argv[1])
