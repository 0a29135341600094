"""Files outside the repository that some tests use: models and pictures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def shared_dir() -> Path:
    """Return the folder of shared files: SANDERLING_SHARED, or `shared` beside the repository."""
    return Path(os.environ.get("SANDERLING_SHARED") or ROOT.parent / "shared")


def require(path: Path) -> Path:
    """Skip the running test, by name, where a shared file is missing; fail it where CI=true says it must be there."""
    if not path.exists():
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"{path.name} is missing: CI needs the shared files (set SANDERLING_SHARED)")
        pytest.skip(f"shared file {path.name} is missing (set SANDERLING_SHARED)")
    return path


def shared_model(name: str) -> Path:
    """Return the path of a shared model by file name; .tflite may be left out. Skips where missing."""
    return require(
        shared_dir() / "models" / (name if name.endswith((".tflite", ".onnx", ".txt")) else f"{name}.tflite")
    )


MODELS = (
    "ad01_fp32",
    "ad01_int8",
    "deeplabv3_mnv2_dm05_pascal_quant",
    "effnet_lite0_float",
    "effnet_lite0_int8_tf",
    "face_detection_front",
    "keras_lstm_mnist_ptq",
    "kws_ref_model",
    "kws_ref_model_float32",
    "mobilenet_v1_0.25_128_quant",
    "mobilenet_v2_1.0_224_quant",
    "movenet_single_pose_lightning_ptq",
    "pretrainedResnet",
    "pretrainedResnet_quant",
    "split_concat",
    "str_ww_ref_model",
    "tf2_mobilenet_v2_1.0_224_ptq",
    "vww_96_float",
    "vww_96_int8",
)
"""Names of the shared .tflite models, to parametrize tests with; a test then calls `shared_model(name)`."""


def pictures(kind: str = "evaluation", count: int | None = None) -> list[Path]:
    """Return shared pictures in order of name; `kind` is "calibration" or "evaluation". Skips where missing."""
    folder = require(shared_dir() / "pictures" / kind)
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    return found[:count]
