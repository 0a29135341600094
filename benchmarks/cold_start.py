"""From a model's file to its first result: a compiled model (.sand) against LiteRT with the .tflite.

    python -m benchmarks.cold_start [MODEL.tflite...] [--runs 21] [--threads 1]

Both engines are imported before; each run loads, plans, sets one seeded input, runs once and frees everything, in
turns in one process. Medians, and the median of the runs' ratios (under 1: sanderling is faster).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import sanderling
from sanderling.seeded import seeded_inputs
from tests.support.shared import shared_model

DEFAULT = "tf2_mobilenet_v2_1.0_224_ptq.tflite"


def timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1e3


def measure(source: Path, runs: int, threads: int) -> dict[str, list[float]]:
    """Return milliseconds of each engine's runs."""
    from ai_edge_litert.interpreter import Interpreter

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.sand"
        sanderling.compile_model(source, file)
        x = seeded_inputs(sanderling.load(source).inputs, 0)

        def compiled() -> object:
            return sanderling.load(file, threads)(*x)

        def from_source() -> object:
            return sanderling.load(source, threads)(*x)

        def litert() -> object:
            interpreter = Interpreter(str(source), num_threads=threads)
            interpreter.allocate_tensors()
            for detail, array in zip(interpreter.get_input_details(), x, strict=True):
                interpreter.set_tensor(detail["index"], array)
            interpreter.invoke()
            return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]

        engines = {"compiled": compiled, "source": from_source, "litert": litert}
        for run in engines.values():
            run()
        times: dict[str, list[float]] = {name: [] for name in engines}
        for _ in range(runs):
            for name, run in engines.items():
                times[name].append(timed(run))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    print("| model | .sand, ms | .tflite, ms | LiteRT, ms | .sand x LiteRT | .tflite x LiteRT |")
    print("|---|---:|---:|---:|---:|---:|")
    for source in arguments.models or [shared_model(DEFAULT)]:
        times = measure(source, arguments.runs, arguments.threads)
        middle = {name: float(np.median(t)) for name, t in times.items()}
        ratio = {n: float(np.median(np.divide(times[n], times["litert"]))) for n in ("compiled", "source")}
        print(
            f"| {source.stem} | {middle['compiled']:.2f} | {middle['source']:.2f} | {middle['litert']:.2f} | "
            f"{ratio['compiled']:.2f} | {ratio['source']:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
