"""Inputs for whole models: shared pictures where the input is a picture, seeded values for the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import sanderling
from sanderling.tensor_info import TensorInfo
from tests.support.shared import pictures


def seeded(info: TensorInfo, rng: np.random.RandomState) -> npt.NDArray[Any]:
    """Return values over the whole range of the input's dtype (floats: normal)."""
    if info.dtype.startswith("float"):
        return rng.standard_normal(info.shape).astype(info.dtype)
    if info.dtype == "bool":
        return rng.rand(*info.shape) < 0.5
    if info.dtype in ("int64", "uint64"):
        return rng.randint(0, 1000, info.shape).astype(info.dtype)
    limits = np.iinfo(info.dtype)
    return rng.randint(limits.min, int(limits.max) + 1, info.shape).astype(info.dtype)


def is_picture(info: TensorInfo) -> bool:
    """Tell an input of shape (1, height, width, 3) of at least 32 x 32."""
    return len(info.shape) == 4 and info.shape[0] == 1 and info.shape[3] == 3 and min(info.shape[1:3]) >= 32


def model_inputs(model: sanderling.Model, count: int) -> list[list[npt.NDArray[Any]]]:
    """Return `count` inputs for a model: pictures and seeded values in turn for pictures, else seeded values."""
    from PIL import Image

    rng = np.random.RandomState(7)
    if len(model.inputs) != 1 or not is_picture(model.inputs[0]):
        return [[seeded(t, rng) for t in model.inputs] for _ in range(count)]
    info = model.inputs[0]
    result = []
    for path in pictures("evaluation", max(1, count - 1)):
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB").resize(info.shape[2:0:-1]))[None]
        if info.dtype == "uint8":
            result.append([pixels])
        elif info.dtype == "int8":
            result.append([(pixels.astype(np.int16) - 128).astype(np.int8)])
        else:
            result.append([((pixels - 127.5) / 127.5).astype(info.dtype)])
    # One input that no picture reaches: noise over the whole range.
    result.append([seeded(info, rng)])
    return result[:count]
