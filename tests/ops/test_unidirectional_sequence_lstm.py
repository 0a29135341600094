from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from sanderling.exporters import tflite
from sanderling.importers import load_ir
from tests.support.builder import T, build, const
from tests.support.compare import assert_same, compare_sequence
from tests.support.shared import shared_model

OP = "UNIDIRECTIONAL_SEQUENCE_LSTM"


@dataclass
class Case:
    """Sizes and parts of an LSTM, and how its inputs and outputs are quantized."""

    batch: int = 2
    time: int = 3
    inputs: int = 4
    cells: int = 5
    outputs: int = 5
    time_major: bool = False
    cifg: bool = False
    peephole: bool = False
    projection: bool = False
    projection_bias: bool = False
    layer_norm: bool = False
    diagonal: bool = False
    asymmetric: bool = False
    activation: str = "TANH"
    cell_clip: float = 0.0
    proj_clip: float = 0.0
    seed: int = 0
    # int8 only
    weight_scale: float = 2.0**-7
    input_zero_point: int = 3
    output_scale: float = 2.0**-7
    output_zero_point: int = -5
    hidden_zero_point: int = 7
    cell_exponent: int = -11
    halves: bool = False  # peephole weights whose products are often halfway between two results

    def shape(self, last: int) -> tuple[int, int, int]:
        return (self.time, self.batch, last) if self.time_major else (self.batch, self.time, last)


@st.composite
def cases(draw: st.DrawFn, integer: bool = False, hybrid: bool = False) -> Case:
    projection = draw(st.booleans())
    diagonal = not integer and draw(st.integers(0, 3)) == 0
    cells = draw(st.integers(1, 9))
    peephole = draw(st.booleans())
    # More outputs than cells would make the reference read beyond the peephole weights.
    most = cells if integer and peephole else 9
    return Case(
        batch=draw(st.integers(1, 3)),
        time=draw(st.integers(1, 4)),
        inputs=draw(st.integers(1, 20)),
        cells=cells,
        outputs=cells if diagonal or not projection else draw(st.integers(1, most)),
        time_major=draw(st.booleans()),
        cifg=draw(st.booleans()),
        peephole=peephole,
        projection=projection,
        projection_bias=projection and draw(st.booleans()),
        layer_norm=draw(st.booleans()),
        diagonal=diagonal,
        asymmetric=hybrid and draw(st.booleans()),
        activation="TANH" if integer else draw(st.sampled_from(["TANH", "RELU", "RELU6", "RELU_N1_TO_1", "SIGN_BIT"])),
        cell_clip=draw(st.sampled_from([0.0, 0.3, 10.0])),
        proj_clip=draw(st.sampled_from([0.0, 0.2, 3.0])),
        seed=draw(st.integers(0, 2**32 - 1)),
        weight_scale=2.0 ** draw(st.integers(-12, 0)),
        input_zero_point=draw(st.integers(-128, 127)),
        output_scale=2.0 ** draw(st.integers(-10, -4)) * 1.1,
        output_zero_point=draw(st.integers(-128, 127)),
        hidden_zero_point=draw(st.integers(-128, 127)),
        cell_exponent=draw(st.integers(-15, -9)),
    )


def lstm(c: Case, kind: str) -> bytes:
    rng = np.random.default_rng(c.seed)
    integer = kind == "int8"

    def weights(*shape: int, plain: bool = False) -> T:
        if kind == "float32" or plain:
            return const(rng.uniform(-0.8, 0.8, shape).astype(np.float32))
        low = -128 if integer else -127
        scale = c.weight_scale if integer else 0.007
        return T("int8", shape, scale=scale, data=rng.integers(low, 128, shape))

    def vector(n: int, scale: float) -> T:
        if not integer:
            return weights(n)
        if c.halves:
            return T("int16", (n,), scale=scale, data=rng.choice([-32768, -16384, -8192, 8192, 3 * 8192], n))
        return T("int16", (n,), scale=scale, data=rng.integers(-32768, 32768, n))

    def bias(n: int) -> T:
        if integer:
            return T("int32", (n,), scale=1e-4, data=rng.integers(-20000, 20000, n))
        return const(rng.uniform(-1, 1, n).astype(np.float32))

    gates = range(4)
    used = [g != 0 or not c.cifg for g in gates]
    activations = "int8" if integer else "float32"
    quantized: dict[str, Any] = {"scale": c.output_scale, "zero_point": c.output_zero_point} if integer else {}
    x = T(activations, c.shape(c.inputs), **({"scale": 2.0**-7, "zero_point": c.input_zero_point} if integer else {}))
    cell_state = T(
        "int16" if integer else "float32",
        (c.batch, c.cells),
        scale=2.0**c.cell_exponent if integer else None,
        variable=True,
    )
    recurrent = (c.cells,) if c.diagonal else (c.cells, c.outputs)
    inputs = [
        x,
        *(weights(c.cells, c.inputs) if used[g] else None for g in gates),
        *(weights(*recurrent, plain=c.diagonal) if used[g] else None for g in gates),
        *(vector(c.cells, 2.0**-15) if c.peephole and used[g] else None for g in (0, 1, 3)),
        *(bias(c.cells) if used[g] else None for g in gates),
        weights(c.outputs, c.cells) if c.projection else None,
        bias(c.outputs) if c.projection_bias else None,
        T(activations, (c.batch, c.outputs), variable=True, **quantized),
        cell_state,
    ]
    for g in gates:
        if not (c.layer_norm and used[g]):
            inputs.append(None)
        elif integer:
            inputs.append(vector(c.cells, 2.0**-14))
        else:
            inputs.append(const(rng.uniform(-1, 1, c.cells).astype(np.float32)))
    between = [T("int16", (0,), scale=2.0**-12 * (g + 1), zero_point=0) for g in gates]
    between.append(T("int8", (0,), scale=0.006, zero_point=c.hidden_zero_point))
    return build(
        OP,
        inputs,
        T(activations, c.shape(c.outputs), **quantized),
        intermediates=between if integer else (),
        fused_activation_function=c.activation,
        cell_clip=c.cell_clip,
        proj_clip=c.proj_clip,
        time_major=c.time_major,
        asymmetric_quantize_inputs=c.asymmetric,
        diagonal_recurrent_tensors=c.diagonal,
    )


def values(c: Case, kind: str, runs: int = 2) -> list[list[np.ndarray]]:
    rng = np.random.default_rng(c.seed + 1)
    shape = c.shape(c.inputs)
    if kind == "int8":
        return [[rng.integers(-128, 128, shape).astype(np.int8)] for _ in range(runs)]
    return [[rng.uniform(-1, 1, shape).astype(np.float32)] for _ in range(runs)]


@given(cases(integer=True))
def test_int8(c: Case) -> None:
    compare_sequence(lstm(c, "int8"), values(c, "int8"))


@pytest.mark.parametrize("cells", [15, 16, 20, 48])
@pytest.mark.parametrize("outputs", [None, 9])
def test_int8_peephole_rounds_as_the_reference(cells: int, outputs: int | None) -> None:
    # It rounds blocks of 16 up at halves, the rest away from zero.
    for seed in range(4):
        c = Case(cells=cells, outputs=outputs or cells, projection=outputs is not None, peephole=True, halves=True,
                 time=6, weight_scale=2.0**-5, seed=seed)  # fmt: skip
        compare_sequence(lstm(c, "int8"), values(c, "int8"))


@given(cases())
def test_float32(c: Case) -> None:
    compare_sequence(lstm(c, "float32"), values(c, "float32"))


@given(cases(hybrid=True))
def test_hybrid(c: Case) -> None:
    compare_sequence(lstm(c, "hybrid"), values(c, "hybrid"))


@pytest.mark.parametrize("integer_bits", range(7))
def test_int8_activations_over_their_whole_range(integer_bits: int) -> None:
    # A large layer visits most values of the fixed-point tanh and logistic.
    c = Case(batch=1, time=6, inputs=40, cells=400, outputs=400, weight_scale=2.0**-9, cell_exponent=integer_bits - 15)
    compare_sequence(lstm(c, "int8"), values(c, "int8"))


def test_threads_give_the_same() -> None:
    c = Case(batch=2, time=3, inputs=64, cells=300, outputs=300, time_major=True)
    for kind in ("int8", "float32", "hybrid"):
        compare_sequence(lstm(c, kind), values(c, kind), threads=3)


def test_reset_restores_the_state() -> None:
    c = Case(output_zero_point=9)
    model = lstm(c, "int8")
    [[x]] = values(c, "int8", 1)
    ours = sanderling.load(model)
    first, second = ours(x), ours(x)
    assert not np.array_equal(first, second)
    ours.reset()
    assert_same(ours(x), first)


def test_layer_of_a_real_model() -> None:
    model = load_ir(shared_model("keras_lstm_mnist_ptq"))
    graph = model.graphs[0]
    graph.nodes = [n for n in graph.nodes if n.op == OP]
    graph.inputs, graph.outputs = [graph.nodes[0].inputs[0]], list(graph.nodes[0].outputs)
    model.signatures = []
    rng = np.random.default_rng(0)
    x = [[rng.integers(-128, 128, (1, 28, 28)).astype(np.int8)] for _ in range(3)]
    compare_sequence(tflite.to_bytes(model), x)


def test_errors() -> None:
    c = Case()
    broken = lstm(Case(cell_exponent=-8), "int8")
    with pytest.raises(sanderling.ModelError, match=r"UNIDIRECTIONAL_SEQUENCE_LSTM.*cell state's scale"):
        sanderling.load(broken)
    with pytest.raises(sanderling.ModelError, match=r"UNIDIRECTIONAL_SEQUENCE_LSTM.*cell_clip"):
        sanderling.load(lstm(Case(cell_clip=-1.0), "float32"))
    with pytest.raises(sanderling.ModelError, match=r"UNIDIRECTIONAL_SEQUENCE_LSTM.*fused_activation_function"):
        sanderling.load(lstm(Case(activation="NONE"), "float32"))
    model = sanderling.load(lstm(c, "float32"))
    with pytest.raises(sanderling.ModelError, match="state 18"):
        model.resize((c.batch + 1, c.time, c.inputs))


def test_resize_of_time() -> None:
    c = Case()
    for kind in ("int8", "float32"):
        compare_sequence(lstm(c, kind), values(Case(time=7), kind), resize=[(c.batch, 7, c.inputs)])
