"""Sanderling: quantized neural networks on small computers.

>>> import sanderling
>>> model = sanderling.load("model.tflite")
>>> y = model(x)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from sanderling.errors import ModelError

if TYPE_CHECKING:
    from sanderling import kernels
    from sanderling.compiled import Compiled, compile_model
    from sanderling.lowering import register_op
    from sanderling.model import Memory, Model, load
    from sanderling.profile import Profile, Step
    from sanderling.tensor_info import TensorInfo
    from sanderling.vision import Box, Classifier, Detection, Detector, Prediction

__all__ = [
    "Box",
    "Classifier",
    "Compiled",
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
    "compile_model",
    "kernels",
    "load",
    "register_op",
]

__version__ = "0.1.0"

# Imported when asked for: a model can be read and inspected without the compiled core, and without picture libraries.
_HOME = {
    "Box": "vision",
    "Classifier": "vision",
    "Compiled": "compiled",
    "Detection": "vision",
    "Detector": "vision",
    "Memory": "model",
    "Model": "model",
    "Prediction": "vision",
    "Profile": "profile",
    "Step": "profile",
    "TensorInfo": "tensor_info",
    "compile_model": "compiled",
    "load": "model",
    "register_op": "lowering",
}


def __getattr__(name: str) -> object:
    if name == "kernels":
        return import_module("sanderling.kernels")
    if name not in _HOME:
        raise AttributeError(f"module 'sanderling' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"sanderling.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
