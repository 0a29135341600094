"""Hypothesis strategies for elementwise operators: broadcast shapes, quantized tensors and their values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from sanderling import ir
from tests.support.builder import T

Array = npt.NDArray[Any]

ACTIVATIONS = st.sampled_from(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"])
# From tiny to large, and some that make ties.
SCALES = st.one_of(
    st.floats(2**-20, 2**4, width=32),
    st.floats(2**-7, 0.5, width=32),
    st.sampled_from([2.0**-7, 2.0**-8, 0.25, 0.5, 1.0]),
)


def shapes(count: int = 2, max_rank: int = 6, min_side: int = 0) -> st.SearchStrategy[list[tuple[int, ...]]]:
    """Shapes that broadcast to each other; often all the same."""
    one = st.lists(st.integers(min_side, 5), max_size=max_rank).map(tuple)
    long = st.sampled_from([(100,), (7, 33), (1, 3, 3, 40)])
    return st.one_of(
        mutually_broadcastable_shapes(num_shapes=count, min_side=min_side, max_side=4, max_dims=max_rank).map(
            lambda b: list(b.input_shapes)
        ),
        st.one_of(one, long).map(lambda shape: [shape] * count),
        # A scalar or a last dimension against a long operand, on either side.
        st.tuples(long, st.integers(0, 1), st.permutations(range(count))).map(
            lambda c: [(c[0] if k == 0 else c[0][-1:] * c[1]) for k in c[2]]
        ),
    )


@st.composite
def quantized(draw: st.DrawFn, dtype: str, symmetric: bool = False) -> dict[str, Any]:
    """Scale and zero point for an 8- or 16-bit tensor, as keywords of `T`."""
    info = np.iinfo(ir.DTYPES[dtype])
    points = st.one_of(st.integers(info.min, info.max), st.sampled_from([info.min, info.max, 0]))
    return {"scale": draw(SCALES), "zero_point": 0 if symmetric else draw(points)}


def values(dtype: str, shape: Sequence[int], seed: int, nonzero: bool = False) -> Array:
    """Values over the whole range of a type, with its extremes and small numbers among them."""
    random = np.random.default_rng(seed)
    kind = np.dtype(ir.DTYPES[dtype])
    if kind.kind == "b":
        return random.integers(0, 2, shape).astype(bool)
    small = random.integers(0 if kind.kind == "u" else -5, 6, shape).astype(kind)
    if kind.kind == "f":
        x = np.where(random.random(shape) < 0.3, small, random.normal(0, 10, shape)).astype(kind)
    else:
        info = np.iinfo(kind)
        whole = random.integers(info.min, info.max, shape, dtype=kind, endpoint=True)
        extreme = random.choice(np.array([info.min, info.max], kind), shape)
        pick = random.random(shape)
        x = np.where(pick < 0.3, small, np.where(pick < 0.4, extreme, whole)).astype(kind)
    if nonzero:
        x = np.where(x == 0, kind.type(1), x)
    return np.asarray(x, kind).reshape(tuple(shape))


SEEDS = st.integers(0, 2**32 - 1)


def operands(shapes: Sequence[Sequence[int]], dtype: str, seed: int, **options: Any) -> list[Array]:
    """Values for several operands."""
    return [values(dtype, shape, seed + k, **options) for k, shape in enumerate(shapes)]


def result_shape(shapes: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Shape to which all broadcast."""
    return np.broadcast_shapes(*(tuple(s) for s in shapes))


def tensors(shapes: Sequence[Sequence[int]], dtype: str, **options: Any) -> list[T]:
    """Inputs without quantization, or all with the same."""
    return [T(dtype, shape, **options) for shape in shapes]
