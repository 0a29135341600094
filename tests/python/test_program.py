"""`python -m sanderling` in a process of its own, and what importing the package costs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import sanderling
from tests.support.commands import PACKAGE, python
from tests.support.shared import ROOT

EFFNET = str(ROOT / "models" / "effnet_lite0_int8.tflite")
COFFEE = str(ROOT / "models" / "coffee.png")


def test_as_a_program(tmp_path: Path, pixels: Path) -> None:
    done = python("-m", "sanderling", "run", str(pixels), COFFEE, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(json.loads(done.stdout)["results"][0]["predictions"]) == 5
    done = python("-m", "sanderling", "run", "nowhere.tflite", COFFEE)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "sanderling: nowhere.tflite: No such file or directory\n"
    done = python("-m", "sanderling", "--verbose", "inspect", "nowhere.tflite")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1] == "sanderling: nowhere.tflite: No such file or directory"
    done = python("-m", "sanderling", "-v", "run", str(pixels), COFFEE, "--json")
    json.loads(done.stdout)
    assert "1 operators" in done.stderr


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise ImportError('no click', name='click')")
    done = python("-m", "sanderling", "doctor", PYTHONPATH=f"{tmp_path}{os.pathsep}{PACKAGE}")
    assert done.returncode == 1
    assert done.stderr == "sanderling: the command line needs click: pip install 'sanderling[cli]'\n"


def test_import_is_light() -> None:
    code = "import sanderling, sys; print(*sorted(sys.modules))"
    modules = set(python("-c", code).stdout.split())
    assert "sanderling" in modules
    assert not modules & {"PIL", "rich", "click", "flatbuffers", "tflite", "logging"}
    loaded = set(
        python("-c", f"import sanderling, sys; sanderling.load({EFFNET!r}); print(*sys.modules)").stdout.split()
    )
    assert not loaded & {"PIL", "rich", "click"}


def test_a_compiled_model_needs_little(tmp_path: Path) -> None:
    """The first load of a program pays for every import: nothing of other formats, and nothing that writes."""
    file = tmp_path / "x.sand"
    sanderling.compile_model(EFFNET, file, golden_runs=0)
    code = (
        f"import sys, numpy as np; from sanderling import load; before = set(sys.modules); y = load({str(file)!r})("
        "np.zeros((1, 224, 224, 3), np.int8)); print(*sys.modules); print('new:', *(set(sys.modules) - before))"
    )
    modules, by_loading = python("-c", code).stdout.splitlines()
    assert {m for m in modules.split() if m.partition(".")[0] == "sanderling"} == {
        "sanderling",
        *(f"sanderling.{m}" for m in ("_core", "compiled_file", "errors", "importers", "ir")),
        *(f"sanderling.{m}" for m in ("machine", "model", "tensor_info")),
    }
    assert by_loading == "new:"


def test_the_first_run_does_not_parse_numpys_version(tmp_path: Path) -> None:
    """pybind11 has it parsed by regular expressions, which takes longer to compile than a small model to run."""
    file = tmp_path / "x.sand"
    sanderling.compile_model(EFFNET, file, golden_runs=0)
    code = (
        "import numpy as np; from sanderling import load; "
        "np.lib.NumpyVersion = lambda version: 1 / 0; "
        f"print(load({str(file)!r})(np.zeros((1, 224, 224, 3), np.int8)).shape)"
    )
    assert python("-c", code).stdout.strip() == "(1, 1000)"


@pytest.mark.skipif("libasan" in os.environ.get("LD_PRELOAD", ""), reason="a sanitized build takes longer")
def test_import_time(tmp_path: Path) -> None:
    # CPU time, with the compiled core and all that `load` needs, against numpy's own: machines differ and are busy.
    code = (
        "import time; start = time.process_time(); import numpy; middle = time.process_time(); import sanderling; "
        "sanderling.load; end = time.process_time(); print((end - middle) / (middle - start))"
    )
    environment = {"PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": ""}
    python("-c", code, **environment)
    shares = [float(python("-c", code, **environment).stdout) for _ in range(5)]
    assert min(shares) < 0.2, shares
