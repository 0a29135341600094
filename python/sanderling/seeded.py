"""Inputs from a seed by integer arithmetic alone, the same on every machine and with every version of numpy.

Value k of input i is made from the 64-bit number (all modulo 2**64)

    u = mix(mix(seed + 0x9E3779B97F4A7C15 * (i + 1)) + 0x9E3779B97F4A7C15 * (k + 1))

where mix is the finaliser of SplitMix64:

    z ^= z >> 30;  z *= 0xBF58476D1CE4E5B9;  z ^= z >> 27;  z *= 0x94D049BB133111EB;  z ^= z >> 31

and from its upper bits:

- int8, uint8, int16, uint16, and wider integers that are quantized: the type's whole range;
- other integers (mostly indices and sizes) and bool: 0 or 1;
- floats: (u >> 56) / 128 - 1, one of 256 values in [-1, 1), exact in every float type.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sanderling.tensor_info import TensorInfo

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1


def _mix(z: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    # Products of arrays wrap without a warning.
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)), np.uint64)


def seeded_array(info: TensorInfo, position: int, seed: int) -> npt.NDArray[Any]:
    """Return an array for input number `position`; see the module."""
    size = 1
    for extent in info.shape:
        size *= extent
    start = _mix(np.array([(seed + _GOLDEN * (position + 1)) & _MASK], np.uint64))
    counter = np.arange(1, size + 1, dtype=np.uint64) * np.uint64(_GOLDEN)
    u = _mix(counter + start)
    dtype = np.dtype(info.dtype)
    if dtype.kind == "f":
        values: npt.NDArray[Any] = ((u >> np.uint64(56)).astype(np.float64) / 128 - 1).astype(dtype)
    elif dtype.kind in "iu" and (dtype.itemsize <= 2 or info.scale is not None):
        bits = np.dtype(f"u{dtype.itemsize}")
        values = (u >> np.uint64(64 - 8 * dtype.itemsize)).astype(bits).view(dtype)
    elif dtype.kind in "iub":
        values = (u >> np.uint64(63)).astype(dtype)
    else:
        raise ValueError(f"input {info.name!r} is {info.dtype}: no seeded values are defined for it")
    return values.reshape(info.shape)


def seeded_inputs(infos: Sequence[TensorInfo], seed: int) -> list[npt.NDArray[Any]]:
    """Return an array for each input."""
    return [seeded_array(info, i, seed) for i, info in enumerate(infos)]
