import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support.builder import T, build, const
from tests.support.compare import assert_same, compare_sequence

sizes = st.tuples(*(st.integers(1, n) for n in (3, 20, 4, 3, 6)))  # batch, features, units, rank, memory
seeds = st.integers(0, 2**32 - 1)
ACTIVATIONS = ["NONE", "RELU", "RELU6", "RELU_N1_TO_1", "TANH", "SIGN_BIT"]


def svdf_float(
    size: tuple[int, ...], seed: int, *, hybrid: bool, bias: bool, activation: str, asymmetric: bool = False
) -> bytes:
    batch, features, units, rank, memory = size
    rng = np.random.default_rng(seed)

    def weights(*shape: int) -> T:
        if hybrid:
            return T("int8", shape, scale=0.01, data=rng.integers(-127, 128, shape))
        return const(rng.uniform(-1, 1, shape).astype(np.float32))

    return build(
        "SVDF",
        [
            T("float32", (batch, features)),
            weights(units * rank, features),
            weights(units * rank, memory),
            const(rng.uniform(-1, 1, units).astype(np.float32)) if bias else None,
            T("float32", (batch, memory * units * rank), variable=True),
        ],
        T("float32", (batch, units)),
        rank=rank,
        fused_activation_function=activation,
        asymmetric_quantize_inputs=asymmetric,
    )


def svdf_int8(
    size: tuple[int, ...],
    seed: int,
    *,
    bias: bool = True,
    scales: tuple[float, float, float] = (0.01, 2.0**-11, 0.05),
    zero_points: tuple[int, int] = (3, -7),
    activation: str = "RELU",
) -> bytes:
    batch, features, units, rank, memory = size
    weight_scale, state_scale, output_scale = scales
    rng = np.random.default_rng(seed)
    feature_weights = rng.integers(-128, 128, (units * rank, features))
    time_weights = rng.integers(-32768, 32768, (units * rank, memory))
    return build(
        "SVDF",
        [
            T("int8", (batch, features), scale=0.02, zero_point=zero_points[0]),
            T("int8", feature_weights.shape, scale=weight_scale, data=feature_weights),
            T("int16", time_weights.shape, scale=2.0**-15, data=time_weights),
            T("int32", (units,), scale=1e-4, data=rng.integers(-(2**24), 2**24, units)) if bias else None,
            T("int16", (batch, memory * units * rank), scale=state_scale, variable=True),
        ],
        T("int8", (batch, units), scale=output_scale, zero_point=zero_points[1]),
        rank=rank,
        fused_activation_function=activation,
    )


def floats(size: tuple[int, ...], seed: int, runs: int = 4) -> list[list[np.ndarray]]:
    rng = np.random.default_rng(seed + 1)
    return [[rng.uniform(-2, 2, size[:2]).astype(np.float32)] for _ in range(runs)]


def int8s(size: tuple[int, ...], seed: int, runs: int = 4) -> list[list[np.ndarray]]:
    rng = np.random.default_rng(seed + 1)
    return [[rng.integers(-128, 128, size[:2]).astype(np.int8)] for _ in range(runs)]


@given(sizes, seeds, st.booleans(), st.sampled_from(ACTIVATIONS))
def test_float32(size: tuple[int, ...], seed: int, bias: bool, activation: str) -> None:
    model = svdf_float(size, seed, hybrid=False, bias=bias, activation=activation)
    compare_sequence(model, floats(size, seed), magnitude=1.0)


@given(sizes, seeds, st.booleans(), st.booleans(), st.sampled_from(ACTIVATIONS))
def test_hybrid(size: tuple[int, ...], seed: int, bias: bool, asymmetric: bool, activation: str) -> None:
    model = svdf_float(size, seed, hybrid=True, bias=bias, activation=activation, asymmetric=asymmetric)
    compare_sequence(model, floats(size, seed), magnitude=1.0)


@given(
    sizes,
    seeds,
    st.booleans(),
    st.tuples(*(st.integers(-14, 2).map(lambda n: 2.0**n * 1.25) for _ in range(3))),
    st.tuples(st.integers(-128, 127), st.integers(-128, 127)),
)
def test_int8(
    size: tuple[int, ...], seed: int, bias: bool, scales: tuple[float, float, float], zero_points: tuple[int, int]
) -> None:
    model = svdf_int8(size, seed, bias=bias, scales=scales, zero_points=zero_points)
    compare_sequence(model, int8s(size, seed))


def test_reset_and_threads() -> None:
    size = (2, 300, 100, 2, 8)
    inputs = int8s(size, 0)
    compare_sequence(svdf_int8(size, 0), inputs, threads=3)
    model = sanderling.load(svdf_int8(size, 0))
    first = [model(*x) for x in inputs]
    assert not np.array_equal(first[0], model(*inputs[0]))
    model.reset()
    for x, y in zip(inputs, first, strict=True):
        assert_same(model(*x), y)


def test_errors() -> None:
    size = (1, 2, 2, 2, 3)
    with pytest.raises(sanderling.ModelError, match=r"SVDF.*fused_activation_function"):
        sanderling.load(svdf_int8(size, 0, activation="TANH"))
    inputs = [T("float32", (1, 2)), const(np.zeros((3, 2), np.float32)), const(np.zeros((3, 1), np.float32)), None]
    state = T("float32", (1, 3), variable=True)
    with pytest.raises(sanderling.ModelError, match=r"SVDF.*'rank'"):
        sanderling.load(build("SVDF", [*inputs, state], T("float32", (1, 1)), rank=2))
    with pytest.raises(sanderling.ModelError, match=r"SVDF.*'rank'"):
        sanderling.load(build("SVDF", [*inputs, state], T("float32", (1, 1)), rank=0))
    wrong = T("float32", (1, 4), variable=True)
    with pytest.raises(sanderling.ModelError, match=r"SVDF.*shape \[1, 4\]; \[1, 3\] expected"):
        sanderling.load(build("SVDF", [*inputs, wrong], T("float32", (1, 3)), rank=1))
    model = sanderling.load(svdf_int8(size, 0))
    with pytest.raises(sanderling.ModelError, match=r"SVDF"):
        model.resize((2, 2))
