"""Run a model under the emulator, RUNS inferences between the two marks that bbcount.c looks for (getppid calls).

python region.py sanderling|sanderling-fp16|litert MODEL RUNS
"""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np


def seeded(shape: Any, dtype: Any) -> np.ndarray:
    """Return an input that is the same for both engines: integers over the whole range, floats in [0, 1)."""
    rng = np.random.RandomState(1)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return rng.rand(*shape).astype(kind)
    info = np.iinfo(kind)
    return rng.randint(info.min, info.max + 1, tuple(shape)).astype(kind)


def sanderling_run(path: str, fp16: bool = False) -> Any:
    """Return a function that runs the network once."""
    import sanderling

    model = sanderling.load(path, threads=1, fp16=fp16)
    inputs = [seeded(info.shape, info.dtype) for info in model.inputs]
    # Where the module lies, for the names of functions.
    module = str(sanderling._core.__file__)
    with open("/proc/self/maps") as maps:
        print(module, next(line for line in maps if os.path.basename(module) in line).split("-")[0])
    return lambda: model._runner.run(0, inputs)


def litert_run(path: str) -> Any:
    """Return a function that runs the network once."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:  # 32 bits
        from tflite_runtime.interpreter import Interpreter

    interpreter = Interpreter(path, num_threads=1)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], seeded(detail["shape"], detail["dtype"]))
    interpreter.invoke()
    return interpreter._interpreter.Invoke


def main() -> None:
    """Run the command line."""
    engine, path, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
    run = litert_run(path) if engine == "litert" else sanderling_run(path, engine == "sanderling-fp16")
    run()
    run()
    os.getppid()
    for _ in range(runs):
        run()
    os.getppid()


main()
