"""How many simultaneous runs saturate a device? Steps per second of 1, 2, 4, ... runs side by side.

    mbias synth data/llp_size --packed
    python -m benchmarks.saturation --data data/llp_size --device cuda

Each run is a process with the data in its own memory, as in `mbias study --workers N`. The last line of the output says
how long 80 runs of 40 epochs would take at the best of these rates.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from pathlib import Path

import torch

from mbias.han.network import HAN
from mbias.llp.store import open_split
from mbias.terms import Split
from mbias.training.config import TrainingConfig
from mbias.training.data import load_data
from mbias.training.devices import choose_device, choose_precision, name_of
from mbias.training.fit import train_epoch

RUNS, EPOCHS = 80, 40
GAIN = 1.05
"""The device is saturated when doubling the runs increases the rate by less than this factor."""


def steps_a_second(runs: int, options: argparse.Namespace) -> float:
    """Total steps per second of this many runs side by side."""
    context = multiprocessing.get_context("spawn")
    start, end = context.Barrier(runs + 1), context.Barrier(runs + 1)
    arguments = (options.data, options.device, options.steps, start, end)
    processes = [context.Process(target=_train, args=arguments, daemon=True) for _ in range(runs)]
    try:
        for process in processes:
            process.start()
        start.wait(options.patience)
        began = time.perf_counter()
        end.wait(options.patience)
        return runs * options.steps / (time.perf_counter() - began)
    finally:
        for process in processes:
            process.kill()


def _train(directory: Path, name: str, steps: int, start, end) -> None:  # type: ignore[no-untyped-def]
    torch.set_num_threads(1)
    device = choose_device(name)
    dtype = choose_precision("auto", device)
    config, order = TrainingConfig(), torch.Generator().manual_seed(0)
    videos = load_data(directory, Split.TEST, device, dtype).videos[Split.TRAIN]
    model = HAN(config.variant).to(device)
    optimizer = torch.optim.Adam(model.parameters(), config.learning_rate, fused=True)

    def train(number: int) -> None:
        part = videos.first(number * config.batch_size)
        # The losses are read at the end of the epoch, which waits for the device.
        train_epoch(model, optimizer, part, config, dtype, order)

    train(min(steps, 20))
    start.wait()
    train(steps)
    end.wait()


def main() -> None:
    """Measure 1, 2, 4, ... runs until the device is saturated, and print the rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a data directory of LLP's size or larger")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    parser.add_argument("--steps", type=int, default=625, help="steps of each run; an epoch of LLP has 625")
    parser.add_argument("--most", type=int, default=16, help="the largest number of simultaneous runs")
    parser.add_argument("--patience", type=float, default=600, help="seconds to wait for the processes")
    options = parser.parse_args()
    videos = len(open_split(options.data, Split.TRAIN).videos)
    if 16 * options.steps > videos:
        parser.error(f"{options.data} has {videos} training videos, enough for --steps {videos // 16}")
    device = choose_device(options.device)
    kind = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    print(f"{kind}, {name_of(choose_precision('auto', device))}, {options.steps} steps of 16 videos per run")
    runs, best = 1, 0.0
    while runs <= options.most:
        rate = steps_a_second(runs, options)
        print(f"{runs:3} runs: {rate:8.1f} steps/s in total, {1e3 * runs / rate:6.1f} ms per step of one", flush=True)
        if rate < GAIN * best:
            break
        runs, best = 2 * runs, rate
    minutes = RUNS * EPOCHS * 625 / max(best, rate) / 60
    print(f"{RUNS} runs of {EPOCHS} epochs of 10,000 videos: {minutes:,.0f} min at the best rate, without evaluation")


if __name__ == "__main__":
    main()
