"""The cross compiler."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest


def zig() -> str:
    """Return the program's path, or skip where it is missing; fail instead where CI=true."""
    spec = importlib.util.find_spec("ziglang")
    if spec is None or spec.origin is None:
        if os.environ.get("CI") == "true":
            pytest.fail("ziglang is missing (extra `cross`)")
        pytest.skip("ziglang is missing (extra `cross`)")
    return str(Path(spec.origin).parent / "zig")
