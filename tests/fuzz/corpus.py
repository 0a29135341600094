"""Small valid models from which the fuzzer starts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tests.support.builder import Net, T, build, const
from tests.support.shared import shared_dir

_RNG = np.random.RandomState(1)


def _int8(*shape: int) -> npt.NDArray[np.int8]:
    return _RNG.randint(-127, 128, shape).astype(np.int8)


def _conv(op: str, filters: Sequence[int], **options: int) -> bytes:
    return build(
        op,
        [
            T("int8", (1, 6, 6, 4), 0.05, 3),
            T("int8", filters, [0.01] * 4, axis=3 if op.startswith("DEPTH") else 0, data=_int8(*filters)),
            T("int32", (4,), 0.0005, data=np.arange(4)),
        ],
        [T("int8", (1, 3, 3, 4), 0.2, -7)],
        padding="SAME",
        stride_w=2,
        stride_h=2,
        **options,
    )


def _control_flow() -> bytes:
    """WHILE x < 100: x = x + x, under IF."""
    cond, body, then, other, g = Net(), Net(), Net(), Net(), Net()
    x = cond.input(T("int32", ()))
    cond.outputs = [cond.op("LESS", [x, const(np.int32(100))], T("bool", ()))]
    x = body.input(T("int32", ()))
    body.outputs = [body.op("ADD", [x, x], T("int32", ()), fused_activation_function="NONE")]
    x = then.input(T("int32", ()))
    then.outputs = [then.op("WHILE", [x], T("int32", ()), cond_subgraph_index=1, body_subgraph_index=2)]
    x = other.input(T("int32", ()))
    other.outputs = [other.op("MUL", [x, x], T("int32", ()), fused_activation_function="NONE")]
    p, x = g.input(T("bool", ())), g.input(T("int32", ()))
    y = g.op("IF", [p, x], T("int32", ()), then_subgraph_index=3, else_subgraph_index=4)
    return g.build(outputs=[y], subgraphs=[cond, body, then, other])


def seeds() -> dict[str, bytes]:
    """Return models by name: operators with much to check, and the smallest shared models where they are there."""
    q, f = T("int8", (1, 4, 4, 4), 0.1, 1), T("float32", (2, 3))
    found = {
        "conv": _conv("CONV_2D", (4, 3, 3, 4)),
        "grouped": _conv("CONV_2D", (4, 3, 3, 2), dilation_w_factor=2),
        "depthwise": _conv("DEPTHWISE_CONV_2D", (1, 3, 3, 4), depth_multiplier=1),
        "pool": build(
            "AVERAGE_POOL_2D", [q], [T("int8", (1, 2, 2, 4), 0.1, 1)],
            padding="VALID", stride_w=2, stride_h=2, filter_width=2, filter_height=2,
        ),
        "softmax": build("SOFTMAX", [T("int8", (2, 5), 0.3, 4)], [T("int8", (2, 5), 1 / 256, -128)], beta=1.0),
        "reshape": build("RESHAPE", [f, T("int32", (2,))], [T("float32", (3, 2))], new_shape=[]),
        "slice": build(
            "STRIDED_SLICE", [f, *(const(np.array(v, np.int32)) for v in ([0, 0], [2, 3], [1, 2]))],
            [T("float32", (2, 2))], begin_mask=1,
        ),
        "gather": build("GATHER", [f, T("int32", (2,))], [T("float32", (2, 3))], axis=0),
        "pad": build(
            "PAD", [q, const(np.array([[0, 0], [1, 1], [2, 0], [0, 0]], np.int32))], [T("int8", (1, 6, 6, 4), 0.1, 1)],
        ),
        "concat": build("CONCATENATION", [q, q], [T("int8", (1, 4, 4, 8), 0.1, 1)], axis=3),
        "mean": build("MEAN", [q, const(np.array([1, 2], np.int32))], [T("int8", (1, 4), 0.1, 1)], keep_dims=False),
        "transpose": build("TRANSPOSE", [f, const(np.array([1, 0], np.int32))], [T("float32", (3, 2))]),
        "topk": build("TOPK_V2", [f, T("int32", ())], [T("float32", (2, 2)), T("int32", (2, 2))]),
        "resize": build("RESIZE_BILINEAR", [q, const(np.array([7, 5], np.int32))], [T("int8", (1, 7, 5, 4), 0.1, 1)]),
        "control": _control_flow(),
    }  # fmt: skip
    models = shared_dir() / "models"
    for name in ("split_concat", "keras_lstm_mnist_ptq", "kws_ref_model"):
        if (models / f"{name}.tflite").exists():
            found[name] = (models / f"{name}.tflite").read_bytes()
    return found
