import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support.arrays import Arguments, shapes, values
from tests.support.builder import T, build, const
from tests.support.compare import compare

DTYPES = ["float32", "float16", "int8", "uint8", "int16", "int32", "uint32", "int64", "bool"]


@pytest.mark.parametrize("dtype", DTYPES)
@given(shapes(1, 5, 0, 4), st.lists(st.integers(0, 4), min_size=1, max_size=4), st.data())
def test_concatenation(dtype: str, shape: tuple[int, ...], extents: list[int], data: st.DataObject) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    a = Arguments()
    inputs = []
    for seed, extent in enumerate(extents):
        part = list(shape)
        part[axis] = extent
        # All of them constant is another path of the reference; it is in test_constants.
        inputs.append(a.add(values(dtype, part, seed), constant=seed > 0 and data.draw(st.booleans())))
    compare(build("CONCATENATION", inputs, T(dtype, shape), axis=axis), a.feed)


_scales = st.floats(-20, 4).map(lambda e: float(np.float32(2**e)))


@given(st.lists(st.tuples(_scales, st.integers(0, 255)), min_size=1, max_size=3), _scales, st.integers(0, 255))
def test_uint8_is_rescaled(inputs: list[tuple[float, int]], scale: float, zero_point: int) -> None:
    every = np.arange(256, dtype=np.uint8).reshape(2, 128)
    tensors = [T("uint8", (2, 128), scale=s, zero_point=z) for s, z in inputs]
    out = T("uint8", (2, 128 * len(inputs)), scale=scale, zero_point=zero_point)
    compare(build("CONCATENATION", tensors, out, axis=1), [every] * len(inputs))


@pytest.mark.parametrize("ratio", [0.5, 1.5, 2.5, 1.0])
def test_uint8_ties(ratio: float) -> None:
    every = np.arange(256, dtype=np.uint8).reshape(1, 256)
    inputs = [T("uint8", (1, 256), scale=ratio, zero_point=z) for z in (0, 127, 255)]
    out = T("uint8", (1, 768), scale=1.0, zero_point=128)
    compare(build("CONCATENATION", inputs, out, axis=1), [every] * 3)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_quantized(dtype: str) -> None:
    zero_point = 5 if dtype == "int8" else 0
    a = Arguments()
    q = {"scale": 0.5, "zero_point": zero_point}
    inputs = [a.add(values(dtype, (2, n, 3), n), **q) for n in (1, 4)]
    compare(build("CONCATENATION", inputs, T(dtype, (2, 5, 3), **q), axis=-2), a.feed)


@pytest.mark.parametrize("dtype", ["float32", "int32", "int64", "uint8"])
@pytest.mark.parametrize("shape", [(), (2, 3)])
def test_constants(dtype: str, shape: tuple[int, ...]) -> None:
    # Constants alone, scalars among them, are joined when the plan is made.
    inputs = [const(values(dtype, shape, seed)) for seed in range(3)]
    compare(build("CONCATENATION", inputs, T(dtype, (9, 9)), axis=0), [])


def test_many_empty_parts() -> None:
    shape = (2**20, 2**20, 0)
    inputs = [T("uint8", shape, scale=1.0), T("uint8", shape, scale=2.0)]
    model = build("CONCATENATION", inputs, T("uint8", shape, scale=2.0), axis=2)
    assert sanderling.load(model)(*[np.zeros(shape, np.uint8)] * 2).shape == shape


def test_resize() -> None:
    model = build("CONCATENATION", [T("int8", (1, 3)), T("int8", (1, 2))], T("int8", (1, 5)), axis=1)
    compare(model, [values("int8", (70, 3)), values("int8", (70, 2))], resize=[(70, 3), (70, 2)])


def test_threads() -> None:
    inputs = [T("uint8", (512, 300), scale=0.3, zero_point=9), T("uint8", (512, 100), scale=0.4, zero_point=1)]
    model = build("CONCATENATION", inputs, T("uint8", (512, 400), scale=0.4, zero_point=1), axis=1)
    compare(model, [values("uint8", (512, 300)), values("uint8", (512, 100))], threads=3)


@pytest.mark.parametrize(
    ("inputs", "options", "message"),
    [
        ([T("int8", (1, 2)), T("int8", (2, 2))], {"axis": 1}, "input 1 has shape"),
        ([T("int8", (1, 2)), T("int8", (1, 2, 1))], {"axis": 1}, "input 1 has shape"),
        ([T("int8", (1, 2)), T("int16", (1, 2))], {"axis": 1}, "input 1 is int16"),
        ([T("int8", (1, 2))], {"axis": 2}, "axis is 2"),
        ([T("int8", (1, 2))], {"axis": -(2**31)}, "axis is"),
        ([T("int8", (1, 2))], {"axis": 1, "fused_activation_function": "RELU"}, "fused_activation_function"),
        ([T("int8", (1, 2), scale=2.0)], {"axis": 1}, "they must be equal"),
    ],
)
def test_errors(inputs: list[T], options: dict[str, object], message: str) -> None:
    with pytest.raises(sanderling.ModelError, match=f"CONCATENATION.*{message}"):
        sanderling.load(build("CONCATENATION", inputs, T("int8", (1, 4), scale=1.0), **options))
