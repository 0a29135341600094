import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sanderling
from tests.support.builder import T, build
from tests.support.compare import compare

OP = "LOCAL_RESPONSE_NORMALIZATION"


@given(st.tuples(*[st.integers(1, 4)] * 3, st.integers(1, 20)), st.integers(0, 25), st.integers(0, 2**16), st.data())
def test_float32(shape: tuple[int, ...], radius: int, seed: int, data: st.DataObject) -> None:
    options = {
        "bias": data.draw(st.sampled_from([0.5, 1.0, 9.0])),
        "alpha": data.draw(st.sampled_from([0.0, 0.5, 4.0])),
        "beta": data.draw(st.sampled_from([0.0, 0.5, 0.75, -1.0])),
    }
    x = np.random.default_rng(seed).normal(0, 3, shape).astype(np.float32)
    compare(build(OP, [T("float32", shape)], [T("float32", shape)], radius=radius, **options), [x])


def test_batch_and_threads() -> None:
    x = np.random.default_rng(1).normal(0, 3, (4, 9, 8, 40)).astype(np.float32)
    content = build(OP, [T("float32", (1, 2, 2, 40))], [T("float32", ())], radius=5, bias=1.0, alpha=0.1, beta=0.75)
    compare(content, [x], resize=[x.shape], threads=3)


def test_errors() -> None:
    with pytest.raises(sanderling.ModelError, match=f"(?s){OP}.*int8.*float32 expected"):
        sanderling.load(build(OP, [T("int8", (1, 2, 2, 3))], [T("int8", ())], radius=1, bias=1.0, alpha=1.0, beta=1.0))
    with pytest.raises(sanderling.ModelError, match=rf"(?s){OP}.*\[2, 3\]"):
        sanderling.load(build(OP, [T("float32", (2, 3))], [T("float32", ())], radius=1, bias=1.0, alpha=1.0, beta=1.0))
