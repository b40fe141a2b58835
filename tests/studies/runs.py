"""Plans of small studies, and what became of their runs."""

import dataclasses

from mbias.records.run import Run
from mbias.studies.plan import PlannedRun, Resources, StudyPlan
from mbias.studies.running.task import Task
from mbias.training.config import TrainingConfig

CONFIG = TrainingConfig(epochs=2, precision="float32")


def plan(folder, data, seeds=(0,), workers=1, scheduler=None, **changes):
    """A study of one run per seed, on the CPU."""
    configs = [dataclasses.replace(CONFIG, seed=seed, **changes) for seed in seeds]
    runs = tuple(PlannedRun(config, folder / config.name) for config in configs)
    return StudyPlan(runs, folder, Resources(data, "cpu", workers, scheduler))


def task_of(study, session):
    """The task of the first run of a study."""
    run = study.runs[0]
    return Task(run.config, run.path, study.resources.data, "cpu", session)


def states(outcomes):
    return [outcome.state for outcome in outcomes.values()]


def results(path):
    """The commits of a run, apart from their seconds, and its last weights."""
    lines = [dataclasses.replace(commit, seconds=None) for commit in Run(path).commits]
    return lines, (path / "checkpoints" / "last.safetensors").read_bytes()


def modification_times(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
