"""Two threads against one where runs do not follow at once, as with a camera or a microphone.

    python -m benchmarks.pauses [MODEL.tflite...] [--threads 2]

A sleeping worker has to be woken, on the right core. Each pause in turns with one thread and with more, in sanderling
and in LiteRT, after a run that is not timed. A cell is the median time with more threads over that with one: above 1,
threads make the model slower. Compare ratios, never times.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.litert import prepared

PAUSES = (0.0, 0.3, 2.0, 20.0)  # ms
DEFAULT = (
    "str_ww_ref_model", "kws_ref_model", "kws_ref_model_float32", "vww_96_int8", "pretrainedResnet_quant",
    "mobilenet_v1_0.25_128_quant", "face_detection_front", "tf2_mobilenet_v2_1.0_224_ptq", "effnet_lite0_int8_tf",
)  # fmt: skip


def sanderling(file: Path, threads: int, x: Sequence[np.ndarray]) -> Callable[[], object]:
    from sanderling import load

    model = load(file, threads)
    return lambda: model(*x)


def litert(file: Path, threads: int, x: Sequence[np.ndarray]) -> Callable[[], object]:
    from ai_edge_litert.interpreter import Interpreter

    return prepared(Interpreter(str(file), num_threads=threads), x)


def ratio(one: Callable[[], object], more: Callable[[], object], pause: float) -> float:
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(8):
        for run, taken in zip((one, more), times, strict=True):
            run()
            for _ in range(15 if pause < 10 else 5):
                if pause > 0:
                    time.sleep(pause / 1e3)
                start = time.perf_counter()
                run()
                taken.append(time.perf_counter() - start)
    return statistics.median(times[1]) / statistics.median(times[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    models = given.models
    if not models:
        from tests.support.shared import shared_model

        models = [shared_model(name) for name in DEFAULT]
    from sanderling import load
    from sanderling.seeded import seeded_inputs

    pauses = " | ".join(f"{p:g} ms" for p in PAUSES)
    print(f"| model | sanderling: {pauses} | LiteRT: {pauses} |")
    print("|---" * (1 + 2 * len(PAUSES)) + "|")
    for file in models:
        x = list(seeded_inputs(load(file).inputs, 0))
        cells = []
        for engine in (sanderling, litert):
            one, more = engine(file, 1, x), engine(file, given.threads, x)
            cells += [f"{ratio(one, more, pause):.2f}" for pause in PAUSES]
        print(f"| {Path(file).stem} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
