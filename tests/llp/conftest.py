"""Fixtures: a small simulated data directory, and the published annotations where they are available."""

from pathlib import Path

import pytest

from mbias.llp.annotations import DENSE_FILES, WEAK_FILES, read_weak
from mbias.llp.simulate import simulate
from mbias.terms import Split

SIZES = {Split.TRAIN: 6, Split.VAL: 3, Split.TEST: 4}
PUBLISHED = Path(__file__).resolve().parents[2].parent / "shared" / "llp"


def video_names(data: Path, split: Split) -> list[str]:
    """Return the names of the videos of a split, in the order of its annotation file."""
    return [row.video for row in read_weak(data / WEAK_FILES[split])]


@pytest.fixture(scope="session")
def published() -> Path:
    if not PUBLISHED.is_dir():
        pytest.skip("the published LLP annotations are not available")
    return PUBLISHED


@pytest.fixture
def data(tmp_path) -> Path:
    """Simulate a data directory with feature files of 6, 3 and 4 videos."""
    simulate(tmp_path / "data", sizes=SIZES)
    return tmp_path / "data"


@pytest.fixture
def tiny(tmp_path) -> Path:
    """Write annotations of two validation videos with events and one test video without events."""
    rows = {
        WEAK_FILES["train"]: ["filename\tevent_labels", "trainVideo1_0_10\tDog"],
        WEAK_FILES["val"]: ["filename\tevent_labels", "valueVideo1_0_10\tDog,Speech", "valueVideo2_5_15\tCat,Cat"],
        WEAK_FILES["test"]: ["filename\tevent_labels", "testsVideo1_1.5_11.5\tSpeech"],
        DENSE_FILES["audio"]: [
            "filename\tonset\toffset\tevent_labels",
            "valueVideo1_0_10\t2\t4\tDog",
            "valueVideo1_0_10\t4\t6\tDog",
            "valueVideo1_0_10\t0\t10\tSpeech",
            "valueVideo2_5_15\t3\t3\tCat",
        ],
        DENSE_FILES["visual"]: ["filename\tonset\toffset\tevent_labels", "valueVideo2_5_15\t0\t1\tCar"],
    }
    for name, lines in rows.items():
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    return tmp_path
