"""Random arrays and arguments for tests of operators that move data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from tests.support.builder import T, const


def values(dtype: str, shape: Sequence[int], seed: int = 0) -> np.ndarray:
    """Return values over the whole range of `dtype`, extremes included; floats are finite."""
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype.startswith("float"):
        return rng.normal(0, 100, shape).astype(dtype)
    info = np.iinfo(dtype)
    array = rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    return np.where(rng.random(shape) < 0.1, np.array(info.min, dtype), array)


def shapes(low_rank: int = 1, high_rank: int = 4, low: int = 1, high: int = 5) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes with extents in [low, high]."""
    return st.lists(st.integers(low, high), min_size=low_rank, max_size=high_rank).map(tuple)


class Arguments:
    """Inputs of a one-operator model, each a constant or fed at run time.

    >>> a = Arguments()
    >>> inputs = [a.add(x), a.add(np.array([0, 1], np.int32), constant=True)]
    >>> compare(build("TRANSPOSE", inputs, T("int8", ...)), a.feed)
    """

    def __init__(self) -> None:
        self.feed: list[np.ndarray] = []

    def add(self, array: np.ndarray, constant: bool = False, **quantization: float) -> T:
        """Return the tensor for `array`; it is fed unless constant."""
        if constant:
            return const(array, **quantization)
        self.feed.append(array)
        return T(array.dtype.name, array.shape, **quantization)
