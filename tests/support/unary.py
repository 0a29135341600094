"""Models of one operator with one operand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from sanderling import ModelError
from sanderling.importers import load_ir
from sanderling.model import Model
from tests.support.broadcast import Array
from tests.support.builder import T, build


def every(dtype: str) -> Array:
    """Every value of an integer type of at most 16 bits, in order."""
    info = np.iinfo(dtype)
    return np.arange(info.min, info.max + 1).astype(dtype)


def unary(op: str, shape: Sequence[int], x: dict[str, Any], y: dict[str, Any], **attributes: Any) -> bytes:
    """Build the model; `x` and `y` are the keywords of its two tensors."""
    return build(op, [T(shape=shape, **x)], T(shape=shape, **y), **attributes)


def ours(model: bytes, x: Array) -> Array:
    """Run the model here only: where the reference aborts, or converts out of range."""
    return next(iter(Model(load_ir(model)).run([x]).values()))


def expect_error(model: bytes, x: Array, *words: str) -> None:
    """Assert that preparing or running the model raises ModelError with all these words in its message."""
    with pytest.raises(ModelError) as caught:
        ours(model, x)
    for word in words:
        assert word in str(caught.value)
