"""Many Python threads: one model for all, and one model each. Also run under ThreadSanitizer (tests/sanitize.sh)."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import sanderling
from tests.support.builder import Net, T, build, const

THREADS = 16
RUNS = 8


def small_network(seed: int) -> bytes:
    """Convolution, depthwise, residual add, mean, fully connected: the threaded steps in a small network."""
    rng = np.random.RandomState(seed)
    g = Net()
    x = g.input(T("int8", (1, 24, 24, 8), 0.05, 3, name="x"))

    def weights(*shape: int) -> np.ndarray:
        return rng.randint(-127, 128, shape).astype(np.int8)

    def bias(n: int) -> T:
        return T("int32", (n,), 0.0005, data=rng.randint(-500, 500, n))

    y = g.op(
        "CONV_2D", [x, T("int8", (8, 3, 3, 8), 0.01, data=weights(8, 3, 3, 8)), bias(8)],
        T("int8", (1, 24, 24, 8), 0.3, -5), padding="SAME", stride_w=1, stride_h=1,
    )  # fmt: skip
    z = g.op(
        "DEPTHWISE_CONV_2D", [y, T("int8", (1, 3, 3, 8), 0.01, axis=3, data=weights(1, 3, 3, 8)), bias(8)],
        T("int8", (1, 24, 24, 8), 0.3, 1), padding="SAME", stride_w=1, stride_h=1, depth_multiplier=1,
    )  # fmt: skip
    s = g.op("ADD", [y, z], T("int8", (1, 24, 24, 8), 0.4, 0), fused_activation_function="NONE")
    m = g.op("MEAN", [s, const(np.array([1, 2], np.int32))], T("int8", (1, 8), 0.2, 0), keep_dims=False)
    w = T("int8", (4, 8), 0.02, data=weights(4, 8))
    f = g.op("FULLY_CONNECTED", [m, w, bias(4)], T("int8", (1, 4), 0.5, 0))
    return g.build(outputs=[s, f])


def some_input(seed: int) -> np.ndarray:
    return np.random.RandomState(seed).randint(-128, 128, (1, 24, 24, 8)).astype(np.int8)


def same(a: tuple[np.ndarray, ...], b: tuple[np.ndarray, ...]) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("threads", [1, 3])
def test_sixteen_threads_call_one_model(threads: int) -> None:
    model = sanderling.load(small_network(1), threads=threads)
    expected = [model(some_input(k)) for k in range(THREADS)]
    assert not same(expected[0], expected[1])

    def work(k: int) -> bool:
        return all(same(model(some_input(k)), expected[k]) for _ in range(RUNS))

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(work, range(THREADS)))


@pytest.mark.parametrize("threads", [1, 2])
def test_sixteen_models_in_sixteen_threads(threads: int) -> None:
    files = [small_network(k) for k in range(THREADS)]
    x = some_input(0)
    expected = [sanderling.load(f, threads=1)(x) for f in files]

    def work(k: int) -> bool:
        model = sanderling.load(files[k], threads=threads)
        return all(same(model(x), expected[k]) for _ in range(RUNS))

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(work, range(THREADS)))


def test_resize_while_others_run() -> None:
    """A run sees one plan: it gives a whole result, or an error that says the shape has changed."""
    model = sanderling.load(small_network(2), threads=2)
    x1, x2 = some_input(1), np.concatenate([some_input(1), some_input(2)])

    def run(k: int) -> None:
        for _ in range(RUNS):
            if k % 4 == 0:
                model.resize((1 + k // 4 % 2, 24, 24, 8))
                continue
            try:
                out = model(x1 if k % 2 else x2)
            except (ValueError, sanderling.ModelError) as e:
                assert "shape" in str(e) or "bytes" in str(e)  # noqa: PT017
            else:
                assert out[1].shape == ((1, 4) if k % 2 else (2, 4))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(run, range(THREADS)))


def test_threads_on_cores() -> None:
    cores = sorted(os.sched_getaffinity(0))[:2]
    model = sanderling.load(small_network(1), cores=cores)
    assert model.threads == len(cores)
    seen: list[set[int]] = []

    def where(x: np.ndarray) -> np.ndarray:
        seen.append(os.sched_getaffinity(0))
        return x

    sanderling.register_op("TestWhere", where)
    custom = build("TestWhere", [T("float32", (4,))], T("float32", (4,)), custom=True)
    sanderling.load(custom, cores=cores)(np.zeros(4, np.float32))
    assert seen == [{cores[0]}] * len(seen)
    assert seen
    # Afterwards the calling thread is free again.
    assert os.sched_getaffinity(0) >= set(cores)
    expected = sanderling.load(small_network(1), threads=1)(some_input(1))
    assert same(model(some_input(1)), expected)


@pytest.mark.parametrize("cores", [[], [0, 0], [4095], [-1]])
def test_impossible_cores(cores: list[int]) -> None:
    with pytest.raises(ValueError, match="which this process may use"):
        sanderling.load(small_network(1), cores=cores)


def test_cores_and_another_number_of_threads() -> None:
    with pytest.raises(ValueError, match="threads is 3, but 1 cores are given"):
        sanderling.load(small_network(1), threads=3, cores=sorted(os.sched_getaffinity(0))[:1])
