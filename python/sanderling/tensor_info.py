"""Inputs and outputs of a model as its user sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sanderling import ir

if TYPE_CHECKING:
    import numpy.typing as npt

_QUANTIZED = ("int8", "uint8", "int16")


@dataclass(frozen=True)
class TensorInfo:
    """An input or output.

    Attributes
    ----------
    name : str
    shape : tuple of int
    dtype : str
        numpy's name of the element type.
    scale : float or None
        Quantized tensors: real = scale * (q - zero_point). None where the tensor is not quantized.
    zero_point : int or None
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None = None
    zero_point: int | None = None

    def with_shape(self, shape: Sequence[int]) -> TensorInfo:
        """Return the same tensor at another shape."""
        return replace(self, shape=tuple(shape))

    def quantize(self, real: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return `real` in this tensor's integers: rounded half away from zero, saturated.

        Raises
        ------
        ValueError
            The tensor is not quantized, or a value is NaN.
        """
        if self.scale is None or self.zero_point is None or self.dtype not in _QUANTIZED:
            raise ValueError(f"tensor {self.name!r} ({self.dtype}) is not quantized")
        scaled = np.asarray(real, np.float32) / np.float32(self.scale)
        if np.isnan(scaled).any():
            raise ValueError(f"input {self.name!r} ({self.dtype}) is quantized and cannot hold NaN; the array has NaN")
        limits = np.iinfo(self.dtype)
        rounded = np.trunc(scaled + np.copysign(np.float32(0.5), scaled)) + self.zero_point
        quantized: npt.NDArray[Any] = np.clip(rounded, limits.min, limits.max).astype(self.dtype)
        return quantized

    def dequantize(self, q: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Return this tensor's integers as real numbers; float values pass through."""
        values = np.asarray(q)
        if self.scale is None or self.zero_point is None or values.dtype.kind == "f":
            return values.astype(np.float32)
        real: npt.NDArray[np.float32] = np.float32(self.scale) * (values.astype(np.int32) - self.zero_point)
        return real.astype(np.float32)

    def convert(self, value: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return `value` as a contiguous array of this tensor's dtype and shape; see `Model.__call__`."""
        array = np.asarray(value)
        if array.shape != self.shape:
            hint = ""
            if array.shape == self.shape[1:] and self.shape[0] == 1:
                hint = "; add a batch dimension: x[None]"
            elif array.ndim == len(self.shape):
                hint = "; model.resize(...) plans for other shapes"
            raise ValueError(f"input {self.name!r} has shape {self.shape}, but the array has {array.shape}{hint}")
        if array.dtype != self.dtype:
            if array.dtype.kind == "f" and self.scale is not None and self.dtype in _QUANTIZED:
                array = self.quantize(array)
            elif array.dtype.kind == "f" and self.dtype.startswith("float"):
                array = array.astype(self.dtype)
            else:
                floats = " or floats" if self.scale is not None or self.dtype.startswith("float") else ""
                raise TypeError(f"input {self.name!r} takes {self.dtype}{floats}; the array is {array.dtype}")
        return np.ascontiguousarray(array).reshape(self.shape)


def describe(tensor: ir.Tensor) -> TensorInfo:
    """Return what a user needs to know of a tensor of the graph."""
    q = tensor.quantization
    dtype = ir.DTYPES[tensor.dtype].name
    if q is None or q.scale.size != 1 or tensor.dtype not in _QUANTIZED:
        return TensorInfo(tensor.name, tensor.shape, dtype)
    return TensorInfo(tensor.name, tensor.shape, dtype, float(q.scale[0]), int(q.zero_point[0]))
