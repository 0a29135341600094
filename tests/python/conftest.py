"""Fixtures of more than one file."""

from pathlib import Path

import pytest

from tests.support.builder import T, build, const
from tests.support.commands import write


@pytest.fixture
def pixels(tmp_path: Path) -> Path:
    """A small classifier."""
    x = T("uint8", (1, 2, 2, 3), scale=1.0, name="picture")
    model = build("RESHAPE", [x, const([1, 12])], T("uint8", (1, 12), scale=1.0, name="scores"), new_shape=[1, 12])
    return write(tmp_path / "pixels.tflite", model)
