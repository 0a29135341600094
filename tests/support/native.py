"""Where CMake built the module under test: its objects and the native tests are there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sanderling import _core

ROOT = Path(__file__).resolve().parents[2]


def build_folder(needed: str) -> Path:
    """Return the folder, or skip where it is unknown or has no `needed`; fail instead where CI=true.

    SANDERLING_BUILD names it; the development build's is known without. Emulated Python cannot start
    programs: see cross/emulated/test.sh.
    """
    if "SANDERLING_TEST_ISAS" in os.environ:
        pytest.skip("an emulated process starts no programs; cross/emulated/test.sh runs the native tests by itself")
    module = Path(_core.__file__).resolve()
    named = os.environ.get("SANDERLING_BUILD")
    if named is None and module.parent == ROOT / "python" / "sanderling":
        named = "build/dev"
    folder = ROOT / (named or "")
    if named is not None and (folder / needed).exists():
        return folder
    why = f"{needed} is not in the build folder of {module} (SANDERLING_BUILD names it; SANDERLING_TESTS=ON builds it)"
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)
