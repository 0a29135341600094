"""Sanderling: quantized neural networks on small computers.

>>> import sanderling
>>> model = sanderling.load("model.tflite")
>>> y = model(x)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sanderling.errors import ModelError
from sanderling.lowering import register_op
from sanderling.model import Memory, Model, load
from sanderling.profile import Profile, Step
from sanderling.tensor_info import TensorInfo

if TYPE_CHECKING:
    from sanderling.vision import Box, Classifier, Detection, Detector, Prediction

__all__ = [
    "Box",
    "Classifier",
    "Detection",
    "Detector",
    "Memory",
    "Model",
    "ModelError",
    "Prediction",
    "Profile",
    "Step",
    "TensorInfo",
    "__version__",
    "load",
    "register_op",
]

__version__ = "0.1.0"

_VISION = ("Box", "Classifier", "Detection", "Detector", "Prediction")


def __getattr__(name: str) -> object:
    # Pictures are not everybody's business: their module is imported when it is asked for.
    if name in _VISION:
        from sanderling import vision

        return getattr(vision, name)
    raise AttributeError(f"module 'sanderling' has no attribute {name!r}")
