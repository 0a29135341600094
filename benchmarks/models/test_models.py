"""Each shared model in sanderling and its peers, in one process, interleaved run by run.

    pytest benchmarks/models                                  # table of ratios at the end
    pytest benchmarks/models -k mobilenet --benchmark-json=out.json
    SANDERLING_BENCH_THREADS=2 pytest benchmarks/models

pytest-benchmark times sanderling; its setup hook, which runs before each round, times one run of each peer. So every
round has one run of each engine, and the ratio is the median of the rounds' ratios. Compare ratios, never times.
"""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import sanderling
from benchmarks.litert import prepared
from benchmarks.table import rows
from tests.support.inputs import seeded
from tests.support.shared import MODELS, shared_model

THREADS = int(os.environ.get("SANDERLING_BENCH_THREADS", "1"))
SECONDS = float(os.environ.get("SANDERLING_BENCH_SECONDS", "2"))


def litert(path: str, inputs: list[np.ndarray], resolver: str) -> Callable[[], None]:
    """Return a function that runs LiteRT once; "" is its default (XNNPACK), else the name of a resolver type."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kind = OpResolverType.BUILTIN_REF if resolver == "ref" else OpResolverType.AUTO
    return prepared(Interpreter(path, num_threads=THREADS, experimental_op_resolver_type=kind), inputs)


def tflite_runtime(path: str, inputs: list[np.ndarray]) -> Callable[[], None] | None:
    """The same for tflite-runtime, where it is installed and works with this numpy."""
    try:
        interpreter = importlib.import_module("tflite_runtime.interpreter").Interpreter
        return prepared(interpreter(path, num_threads=THREADS), inputs)
    except Exception:
        return None


SAME_NETWORK = {
    "effnet_lite0_int8_tf": "effnet_lite0_int8_qdq.onnx",
    "effnet_lite0_float": "effnet_lite0_float.onnx",
}
"""Shared models whose network is there for ONNX Runtime too."""


def onnx_runtime(path: str, inputs: list[np.ndarray]) -> Callable[[], None] | None:
    """Return a function that runs ONNX Runtime once; None where it is not installed."""
    try:
        runtime = importlib.import_module("onnxruntime")
    except ImportError:
        return None
    options = runtime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feeds = {}
    for x, like in zip(session.get_inputs(), inputs, strict=True):
        shape = [d if isinstance(d, int) else 1 for d in x.shape]
        feeds[x.name] = np.random.RandomState(3).random_sample(shape).astype(np.float32)
        assert feeds[x.name].size == like.size
    return lambda: session.run(None, feeds)


SETTLE = {"ONNX Runtime": 0.15} if THREADS > 1 else {}
"""Seconds for which an engine's threads may go on spinning after a run: measured, 0.06 to 0.1 s on two cores, in which
other engines took 1.5 to 2 times as long."""


def timed(run: Callable[[], None]) -> float:
    # Not timed: it brings the engine's code and weights back to the caches; and with more threads its own wake, and
    # those of the engine before, which wait for more work, give up the cores.
    for _ in range(1 if THREADS == 1 else 3):
        run()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def kind_of(model: sanderling.Model) -> str:
    """Return "uint8", "int8" or "float", after the weights, or else the inputs."""
    types = {str(t.dtype) for t in model.ir.graphs[0].tensors if t.data is not None}
    types |= {str(t.dtype) for t in model.inputs} if types <= {"int32"} else set()
    if "uint8" in types:
        return "uint8"
    return "int8" if "int8" in types and not any(t.startswith("float") for t in types) else "float"


@pytest.mark.parametrize("name", MODELS)
def test_model(name: str, benchmark: Any) -> None:
    path = str(shared_model(name))
    model = sanderling.load(path, threads=THREADS)
    inputs = [seeded(t, np.random.RandomState(3)) for t in model.inputs]
    # What model(*inputs) calls, without its Python side, as of the peers: arrays are copied in, and made of results.
    call, arguments = model._run_exact, tuple(inputs)
    assert call(arguments) is not None

    def run() -> None:
        call(arguments)

    peers = {"LiteRT": litert(path, inputs, ""), "reference": litert(path, inputs, "ref")}
    older = tflite_runtime(path, inputs)
    if older is not None:
        peers["tflite-runtime"] = older
    if name in SAME_NETWORK:
        onnx = onnx_runtime(str(shared_model(SAME_NETWORK[name])), inputs)
        if onnx is not None:
            peers["ONNX Runtime"] = onnx
    # The reference kernels are slow: they take part in the first rounds only.
    cost = {peer: min(timed(f) for _ in range(2)) for peer, f in peers.items()}
    time.sleep(max(SETTLE.get(peer, 0) for peer in peers))
    rounds = int(np.clip(SECONDS / (cost["LiteRT"] + min(timed(run) for _ in range(2))), 10, 500))
    few = int(np.clip(SECONDS / cost["reference"], 3, rounds))
    times: dict[str, list[float]] = {peer: [] for peer in (*peers, "sanderling")}

    def peers_first() -> None:
        done = len(times["LiteRT"])
        for peer, f in peers.items():
            if peer != "reference" or done < few:
                times[peer].append(timed(f))
                time.sleep(SETTLE.get(peer, 0))

    benchmark.pedantic(
        lambda: times["sanderling"].append(timed(run)), setup=peers_first, rounds=rounds, warmup_rounds=0
    )
    ours = np.array(times["sanderling"])
    ratio = {peer: float(np.median(ours[: len(times[peer])] / np.array(times[peer]))) for peer in peers}
    medians = {engine: float(np.median(t)) * 1e3 for engine, t in times.items()}
    benchmark.extra_info.update(model=name, kind=kind_of(model), threads=THREADS, ms=medians, ratio=ratio)
    rows.append((name, medians, ratio))
    assert ratio["reference"] <= 1.0, f"{name} is slower than LiteRT's reference kernels: {ratio['reference']:.2f}x"
