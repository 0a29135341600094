import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support.builder import T, build, const
from tests.support.compare import assert_same, compare_sequence

ACTIVATIONS = ["NONE", "RELU", "RELU6", "RELU_N1_TO_1", "TANH", "SIGN_BIT"]
seeds = st.integers(0, 2**32 - 1)
sizes = st.tuples(*(st.integers(1, n) for n in (3, 4, 20, 9)))  # batch, time, inputs, units


def rnn(
    op: str,
    size: tuple[int, ...],
    seed: int = 0,
    *,
    hybrid: bool = False,
    time_major: bool = False,
    asymmetric: bool = False,
    activation: str = "TANH",
) -> tuple[bytes, list[list[np.ndarray]]]:
    """A model, and inputs for three runs."""
    batch, time, inputs, units = size
    rng = np.random.default_rng(seed)

    def weights(*shape: int) -> T:
        # Small enough that rounding errors do not grow from step to step.
        largest = shape[1] ** -0.5
        if hybrid:
            return T("int8", shape, scale=largest / 127, data=rng.integers(-127, 128, shape))
        return const(rng.uniform(-largest, largest, shape).astype(np.float32))

    lead = (batch,) if op == "RNN" else ((time, batch) if time_major else (batch, time))
    model = build(
        op,
        [
            T("float32", (*lead, inputs)),
            weights(units, inputs),
            weights(units, units),
            const(rng.uniform(-1, 1, units).astype(np.float32)),
            T("float32", (batch, units), variable=True),
        ],
        T("float32", (*lead, units)),
        fused_activation_function=activation,
        asymmetric_quantize_inputs=asymmetric,
        **({} if op == "RNN" else {"time_major": time_major}),
    )
    return model, [[rng.uniform(-1, 1, (*lead, inputs)).astype(np.float32)] for _ in range(3)]


OPS = pytest.mark.parametrize("op", ["RNN", "UNIDIRECTIONAL_SEQUENCE_RNN"])


@OPS
@given(sizes, seeds, st.booleans(), st.sampled_from(ACTIVATIONS))
def test_float32(op: str, size: tuple[int, ...], seed: int, time_major: bool, activation: str) -> None:
    compare_sequence(*rnn(op, size, seed, time_major=time_major, activation=activation), magnitude=1.0)


@OPS
@given(sizes, seeds, st.booleans(), st.booleans(), st.sampled_from(ACTIVATIONS))
def test_hybrid(op: str, size: tuple[int, ...], seed: int, time_major: bool, asymmetric: bool, activation: str) -> None:
    options = {"time_major": time_major, "asymmetric": asymmetric, "activation": activation}
    compare_sequence(*rnn(op, size, seed, hybrid=True, **options), magnitude=1.0)


@OPS
def test_reset_and_threads(op: str) -> None:
    model, inputs = rnn(op, (2, 3, 200, 120))
    compare_sequence(model, inputs, threads=3)
    ours = sanderling.load(model)
    first = [ours(*x) for x in inputs]
    ours.reset()
    for x, y in zip(inputs, first, strict=True):
        assert_same(ours(*x), y)


def test_resize_of_time() -> None:
    model, _ = rnn("UNIDIRECTIONAL_SEQUENCE_RNN", (2, 3, 4, 5))
    _, inputs = rnn("UNIDIRECTIONAL_SEQUENCE_RNN", (2, 6, 4, 5))
    compare_sequence(model, inputs, resize=[(2, 6, 4)])


@OPS
def test_errors(op: str) -> None:
    model = sanderling.load(rnn(op, (2, 3, 4, 5))[0])
    with pytest.raises(sanderling.ModelError, match=rf"{op}.*shape \[2, 5\]; \[3, 5\] expected"):
        model.resize((3, 4) if op == "RNN" else (3, 3, 4))
