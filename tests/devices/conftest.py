"""Fixtures of more than one kind of device."""

from pathlib import Path

import pytest

from tests.python.test_compiled import classifier


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "small.tflite"
    path.write_bytes(classifier())
    return path
