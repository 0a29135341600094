"""Time FULLY_CONNECTED with int4 weights against the same with int8 weights, one row of input, and their packed bytes.

    python -m benchmarks.int4 [--isa avx2] [--sizes 512,1024,2048,4096] [--rows 1] [--seconds 1]

Both take turns in one process; the ratio is the median of the pairs.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

import sanderling
from sanderling import _core, kernels
from tests.support.builder import T, build, pack_int4


def layer(dtype: str, weights: str, rows: int, size: int, isa: str) -> kernels.Prepared:
    """Make a layer of `size` outputs and depth, ready to run."""
    rng = np.random.default_rng(size)
    w = rng.integers(-8, 8, (size, size)).astype(np.int8)
    x = rng.integers(-128, 128, (rows, size)).astype(np.int8)
    inputs = [
        T(dtype, x.shape, *([0.05, 3] if dtype == "int8" else [])),
        T(weights, w.shape, 0.02, 0, data=pack_int4(w) if weights == "int4" else w),
    ]
    output = T(dtype, x.shape, *([0.05 * size**0.5, 3] if dtype == "int8" else []))
    model = sanderling.load(build("FULLY_CONNECTED", inputs, output, fused_activation_function="NONE"), 1, isa=isa)
    return kernels.Prepared(model, [x.astype(dtype)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--isa", action="append", help="instruction set; may be given several times (default: all)")
    parser.add_argument("--sizes", default="512,1024,2048,4096")
    parser.add_argument("--rows", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each line")
    options = parser.parse_args()
    print(f"| input | kernels | K = N | int8, us | int4, us | ratio | int8, KB | int4, KB |\n|{'---|' * 8}")
    for dtype in ("int8", "float32"):
        for isa in options.isa or _core.available_isas():
            for size in map(int, options.sizes.split(",")):
                pair = [layer(dtype, weights, options.rows, size, isa) for weights in ("int8", "int4")]
                times: list[list[float]] = [[], []]
                end = time.perf_counter() + options.seconds
                while len(times[0]) < 5 or time.perf_counter() < end:
                    for prepared, own in zip(pair, times, strict=True):
                        own.append(prepared.nanoseconds() / 1e3)
                ratio = statistics.median(b / a for a, b in zip(*times, strict=True))
                cells = [dtype, ", ".join(p.kernel for p in pair), str(size)]
                cells += [f"{statistics.median(t):.1f}" for t in times] + [f"{ratio:.2f}"]
                cells += [f"{p.model.memory.packed / 1e3:.0f}" for p in pair]
                print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
