"""From a model's file to its first result: a compiled model (.sand) against LiteRT with the .tflite.

    python -m benchmarks.cold_start [MODEL.tflite...] [--runs 21] [--threads 1] [--fresh]

Each run loads, plans, sets one seeded input and runs once, in turns; everything is freed when the clock has stopped.
All in one process, in which both engines have run once before; with --fresh each in a process of its own, that has
imported the engine (for sanderling: `sanderling.load`; what that imports when it is called counts), with compiled
Python files, as an installation has them. The files are in the page cache. Medians, and the median of the turns'
ratios (under 1: sanderling is faster).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

DEFAULT = "tf2_mobilenet_v2_1.0_224_ptq.tflite"


def engine(name: str) -> Callable[[str, int, Sequence[Any]], object]:
    """Return the function that goes from a file to a model and a result; imports what it needs."""
    if name == "litert":
        from ai_edge_litert.interpreter import Interpreter

        def litert(file: str, threads: int, x: Sequence[Any]) -> object:
            interpreter = Interpreter(file, num_threads=threads)
            interpreter.allocate_tensors()
            for detail, array in zip(interpreter.get_input_details(), x, strict=True):
                interpreter.set_tensor(detail["index"], array)
            interpreter.invoke()
            return interpreter, [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]

        return litert
    from sanderling import load

    def sanderling(file: str, threads: int, x: Sequence[Any]) -> object:
        model = load(file, threads)
        return model, model(*x)

    return sanderling


def timed(run: Callable[[str, int, Sequence[Any]], object], file: str, threads: int, x: Sequence[Any]) -> float:
    start = time.perf_counter()
    held = run(file, threads, x)
    milliseconds = (time.perf_counter() - start) * 1e3
    del held
    return milliseconds


def once(name: str, file: str, threads: int, inputs: str) -> None:
    """Print the milliseconds of one run."""
    run = engine(name)
    with np.load(inputs) as arrays:
        x = [arrays[key] for key in arrays.files]
    print(timed(run, file, threads, x))


def measure(source: Path, runs: int, threads: int, fresh: bool) -> dict[str, list[float]]:
    """Return milliseconds of each engine's runs."""
    import sanderling
    from sanderling.seeded import seeded_inputs

    with tempfile.TemporaryDirectory() as folder:
        file, inputs = str(Path(folder) / "model.sand"), str(Path(folder) / "inputs.npz")
        sanderling.compile_model(source, file)
        x = seeded_inputs(sanderling.load(source).inputs, 0)
        np.savez(inputs, *x)
        engines = {"compiled": ("sanderling", file), "source": ("sanderling", str(source)),
                   "litert": ("litert", str(source))}  # fmt: skip

        def one_process(name: str, path: str) -> float:
            return timed(engine(name), path, threads, x)

        def own_process(name: str, path: str) -> float:
            command = [sys.executable, "-m", "benchmarks.cold_start", "--once", name, path, str(threads), inputs]
            done = subprocess.run(
                command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
            )
            return float(done.stdout)

        # A first turn that is not counted writes the compiled files.
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        run = own_process if fresh else one_process
        times: dict[str, list[float]] = {name: [] for name in engines}
        for turn in range(runs + 1):
            for name, (by, path) in engines.items():
                ms = run(by, path)
                if turn > 0:
                    times[name].append(ms)
    return times


def main() -> None:
    if sys.argv[1:2] == ["--once"]:
        return once(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--fresh", action="store_true", help="each run in a process of its own")
    arguments = parser.parse_args()
    from tests.support.shared import shared_model

    print("| model | .sand, ms | .tflite, ms | LiteRT, ms | .sand x LiteRT | .tflite x LiteRT |")
    print("|---|---:|---:|---:|---:|---:|")
    for source in arguments.models or [shared_model(DEFAULT)]:
        times = measure(source, arguments.runs, arguments.threads, arguments.fresh)
        middle = {name: float(np.median(t)) for name, t in times.items()}
        ratio = {n: float(np.median(np.divide(times[n], times["litert"]))) for n in ("compiled", "source")}
        print(
            f"| {source.stem} | {middle['compiled']:.2f} | {middle['source']:.2f} | {middle['litert']:.2f} | "
            f"{ratio['compiled']:.2f} | {ratio['source']:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
