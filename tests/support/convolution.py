"""Random convolutions for the tests of CONV_2D and DEPTHWISE_CONV_2D."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.support.builder import T, build, pack_int4

ACTIVATIONS = ["NONE", "RELU", "RELU_N1_TO_1", "RELU6"]
LIMITS = {"int4": (-8, 7), "int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}


@dataclass
class Convolution:
    """A window over a picture, and what else all types share. `constant`: weights and bias are in the file."""

    depthwise: bool
    input_shape: tuple[int, int, int, int]
    kernel: tuple[int, int]
    out_c: int
    groups: int
    padding: str
    stride: tuple[int, int]
    dilation: tuple[int, int]
    activation: str
    constant: bool
    rng: np.random.Generator

    @property
    def op(self) -> str:
        return "DEPTHWISE_CONV_2D" if self.depthwise else "CONV_2D"

    @property
    def weights_shape(self) -> tuple[int, ...]:
        if self.depthwise:
            return (1, *self.kernel, self.out_c)
        return (self.out_c, *self.kernel, self.input_shape[3] // self.groups)

    @property
    def axis(self) -> int:
        return 3 if self.depthwise else 0

    @property
    def depth(self) -> int:
        """Products in one sum."""
        return int(np.prod(self.weights_shape)) // self.out_c

    @property
    def output_shape(self) -> tuple[int, ...]:
        n, *size, _ = self.input_shape
        reach = [(k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True)]
        if self.padding == "SAME":
            out = [-(-i // s) for i, s in zip(size, self.stride, strict=True)]
        else:
            out = [(i - r) // s + 1 for i, r, s in zip(size, reach, self.stride, strict=True)]
        return (n, *out, self.out_c)

    def model(self, x: T, weights: T, bias: T | None, y: T, **options: Any) -> bytes:
        """Return the file of this convolution on these tensors; without a bias where it is None."""
        if self.depthwise:
            options["depth_multiplier"] = self.out_c // self.input_shape[3]
        return build(
            self.op,
            [x, weights] + ([] if bias is None else [bias]),
            [y],
            padding=self.padding,
            stride_h=self.stride[0],
            stride_w=self.stride[1],
            dilation_h_factor=self.dilation[0],
            dilation_w_factor=self.dilation[1],
            fused_activation_function=self.activation,
            **options,
        )

    def random(self, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        """Uniform over the whole dtype, or nothing but its extremes."""
        low, high = LIMITS[dtype]
        storage = "int8" if dtype == "int4" else dtype
        if self.rng.random() < 0.2:
            return self.rng.choice([low, high], shape).astype(storage)
        return self.rng.integers(low, high + 1, shape).astype(storage)

    def quantized(
        self,
        dtype: str,
        weights: str,
        in_scale: float,
        in_zero: int,
        w_scale: Any,
        w_zero: int = 0,
        bias: str | None = "int32",
        out_zero: int = 0,
        out_scale: float | None = None,
        **options: Any,
    ) -> tuple[bytes, list[np.ndarray]]:
        """Return an integer model and its inputs. The output scale is such that some values saturate, unless given."""
        w = self.random(weights, self.weights_shape)
        w_scale = np.asarray(w_scale, np.float32)
        arrays = [self.random(dtype, self.input_shape)]
        constant = self.constant or weights == "int4"
        data = pack_int4(w) if weights == "int4" else w
        w_tensor = T(weights, w.shape, w_scale, w_zero, self.axis, data=data if constant else None)
        if not constant:
            arrays.append(w)
        b_tensor = None
        if bias is not None:
            b = self.rng.integers(-(2**14), 2**14, self.out_c).astype(bias)
            b_tensor = T(bias, b.shape, np.float32(in_scale) * w_scale, data=b if constant else None)
            if not constant:
                arrays.append(b)
        if out_scale is None:
            reach = float(LIMITS[dtype][1] + 1) * (LIMITS[weights][1] + 1)
            typical = in_scale * float(w_scale.mean()) * reach * self.depth**0.5
            levels = LIMITS[dtype][1] + 1
            out_scale = float(np.float32(typical / levels / 2 ** self.rng.uniform(-2, 2)))
        x = T(dtype, self.input_shape, in_scale, in_zero)
        y = T(dtype, self.output_shape, out_scale, out_zero)
        return self.model(x, w_tensor, b_tensor, y, **options), arrays

    @property
    def float_magnitude(self) -> float:
        """Typical size of the sums that float_weights() gives before the activation."""
        taps = self.weights_shape[1] * self.weights_shape[2] * (1 if self.depthwise else self.weights_shape[3])
        return 3.0 * taps**0.5

    def float_weights(self, weights: str, w_scale: Any = None) -> tuple[bytes, list[np.ndarray]]:
        """Return a model of a float input, with weights of float32 or (hybrid) 8 bits, and its inputs."""
        arrays = [self.rng.normal(0, 3, self.input_shape).astype(np.float32)]
        if weights == "float32":
            w = self.rng.normal(size=self.weights_shape).astype(np.float32)
        else:
            w = self.random(weights, self.weights_shape)
            # The SSE code that LiteRT's reference calls here negates int8 values, and -(-128) is -128.
            w = np.where(w.astype(np.int8) == -128, 5, w).astype(w.dtype)
        data = pack_int4(w) if weights == "int4" else w
        constant = self.constant or weights == "int4"
        w_tensor = T(weights, w.shape, w_scale, 0, self.axis, data=data if constant else None)
        b = self.rng.normal(size=self.out_c).astype(np.float32)
        b_tensor = T("float32", b.shape, data=b if constant else None)
        if not constant:
            arrays += [w, b]
        x, y = T("float32", self.input_shape), T("float32", self.output_shape)
        return self.model(x, w_tensor, b_tensor, y), arrays

    def channel_scales(self) -> np.ndarray:
        return np.asarray(2.0 ** self.rng.uniform(-12, 0, self.out_c), np.float32)


@st.composite
def _side(draw: st.DrawFn, padding: str) -> tuple[int, int, int, int]:
    """Input extent, kernel, stride and dilation of one side."""
    kernel, stride = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    dilation = draw(st.sampled_from([1, 1, 2, 3]))
    least = (kernel - 1) * dilation + 1 if padding == "VALID" else 1
    return draw(st.integers(least, least + 7)), kernel, stride, dilation


@st.composite
def convolutions(draw: st.DrawFn, depthwise: bool, groups: bool = True) -> Convolution:
    padding = draw(st.sampled_from(["SAME", "VALID"]))
    h, kernel_h, stride_h, dilation_h = draw(_side(padding))
    w, kernel_w, stride_w, dilation_w = draw(_side(padding))
    few = st.integers(1, 9) | st.integers(1, 70)
    group_count = draw(st.sampled_from([1, 1, 1, 2, 3])) if groups and not depthwise else 1
    group_in = draw(few)
    group_out = draw(st.sampled_from([1, 1, 2, 3, 8])) * group_in if depthwise else draw(few)
    return Convolution(
        depthwise=depthwise,
        input_shape=(draw(st.integers(1, 3)), h, w, group_count * group_in),
        kernel=(kernel_h, kernel_w),
        out_c=group_count * group_out,
        groups=group_count,
        padding=padding,
        stride=(stride_h, stride_w),
        dilation=(dilation_h, dilation_w),
        activation=draw(st.sampled_from(ACTIVATIONS)),
        constant=draw(st.sampled_from([True, True, False])),
        rng=np.random.default_rng(draw(st.integers(0, 2**32))),
    )


def simple(depthwise: bool, **changes: Any) -> Convolution:
    """A 3x3 convolution of a small picture, with changes."""
    options: dict[str, Any] = {
        "depthwise": depthwise, "input_shape": (1, 5, 6, 4), "kernel": (3, 3), "out_c": 8, "groups": 1,
        "padding": "SAME", "stride": (1, 1), "dilation": (1, 1), "activation": "NONE", "constant": True,
        "rng": np.random.default_rng(1),
    }  # fmt: skip
    return Convolution(**{**options, **changes})


scales = st.floats(-20, 4).map(lambda e: float(np.float32(2.0**e)))
zeros = st.sampled_from([-128, 127]) | st.integers(-128, 127)
threads = st.integers(1, 3)
