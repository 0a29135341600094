"""cross/check_wheel.py on wheels that others made, and on doctored copies of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("elftools", reason="pyelftools is missing (extra `cross`)")

from tests.cross.wheels import SDOT, Edit, download, edited, in_binaries, with_instruction, with_pages
from tests.support.native import ROOT

ANDROID = "android_24_arm64_v8a"
AARCH64 = ["manylinux_2_17_aarch64", "manylinux2014_aarch64", "manylinux_2_27_aarch64", "manylinux_2_28_aarch64"]
ARMV7 = ["manylinux_2_17_armv7l", "manylinux2014_armv7l", "manylinux_2_31_armv7l"]


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("wheels")


@pytest.fixture
def android(store: Path) -> Path:
    return download("markupsafe==3.0.4", "3.13", [ANDROID], store)


@pytest.fixture
def aarch64(store: Path) -> Path:
    return download("markupsafe==3.0.4", "3.11", AARCH64, store)


def check(*arguments: str | Path) -> tuple[int, str]:
    command = [sys.executable, str(ROOT / "cross" / "check_wheel.py"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "Traceback" not in done.stderr, done.stderr
    if "llvm-objdump is missing" in done.stdout and os.environ.get("CI") != "true":
        pytest.skip("llvm-objdump is missing: apt-get install llvm")
    return done.returncode, done.stdout


def assert_good(*arguments: str | Path) -> None:
    status, text = check(*arguments)
    assert status == 0, text


def assert_fault(wheel: Path, words: str) -> None:
    """Exactly this fault is found."""
    status, text = check(wheel)
    lines = [line.strip() for line in text.splitlines()[1:]]
    assert status == 1, text
    assert lines, text
    assert all(words in line for line in lines), text


def same(name: str, content: bytes) -> tuple[str, bytes]:
    return name, content


@pytest.mark.parametrize(
    ("requirement", "python", "platforms", "options"),
    [
        ("markupsafe==3.0.4", "3.13", [ANDROID], ()),
        ("markupsafe==3.0.4", "3.11", AARCH64, ()),
        ("markupsafe==3.0.4", "3.11", ARMV7, ()),
        # Stripped: nothing tells which functions are called where the CPU has more.
        ("pyzmq==27.3.0", "3.13", [ANDROID], ("--any-instructions",)),
        ("numpy==2.4.6", "3.11", AARCH64, ("--any-instructions",)),
    ],
)
def test_good(requirement: str, python: str, platforms: list[str], options: tuple[str, ...], store: Path) -> None:
    assert_good(*options, download(requirement, python, platforms, store))


def test_a_copy_is_good(aarch64: Path, tmp_path: Path) -> None:
    assert_good(edited(aarch64, tmp_path / aarch64.name, same))


def test_the_name_has_another_tag(aarch64: Path, tmp_path: Path) -> None:
    name = aarch64.name.replace("cp311-cp311", "cp312-cp312")
    status, text = check(edited(aarch64, tmp_path / name, same))
    assert status == 1
    assert "tag: the name says cp312-cp312" in text
    assert "suffix:" in text


def test_tag_of_another_machine(aarch64: Path, tmp_path: Path) -> None:
    def edit(name: str, content: bytes) -> tuple[str, bytes]:
        return name, content.replace(b"aarch64", b"x86_64") if name.endswith("WHEEL") else content

    assert_fault(edited(aarch64, tmp_path / aarch64.name.replace("aarch64", "x86_64"), edit), "machine: ")


def test_tag_of_a_platform_without_rules(aarch64: Path, tmp_path: Path) -> None:
    name = aarch64.name.split("-manylinux")[0] + "-win_arm64.whl"
    assert_fault(edited(aarch64, tmp_path / name, same), "no rules for the platform win_arm64")


@pytest.mark.parametrize("suffix", ["cpython-312-aarch64-linux-gnu", "cpython-311-x86_64-linux-gnu", "cpython-311"])
def test_suffix(suffix: str, aarch64: Path, tmp_path: Path) -> None:
    def edit(name: str, content: bytes) -> tuple[str, bytes]:
        return name.replace("cpython-311-aarch64-linux-gnu", suffix), content

    assert_fault(edited(aarch64, tmp_path / aarch64.name, edit), "suffix: ")


def replaced(old: bytes, new: bytes) -> Edit:
    return in_binaries(lambda content: content.replace(old, new))


def test_newer_glibc(aarch64: Path, tmp_path: Path) -> None:
    wheel = edited(aarch64, tmp_path / aarch64.name, replaced(b"\0GLIBC_2.17\0", b"\0GLIBC_2.39\0"))
    assert_fault(wheel, "symbols: GLIBC_2.39 of libc.so.6 is newer than")


def test_unpromised_library(aarch64: Path, tmp_path: Path) -> None:
    wheel = edited(aarch64, tmp_path / aarch64.name, replaced(b"\0libc.so.6\0", b"\0libq.so.6\0"))
    assert_fault(wheel, "needs libq.so.6, which")


def test_android_without_libpython(android: Path, tmp_path: Path) -> None:
    wheel = edited(
        android, tmp_path / android.name, replaced(b"\0libpython3.13.so\0", b"\0libz.so\0" + b"z" * 8 + b"\0")
    )
    assert_fault(wheel, "does not need libpython3.X.so")


def test_small_pages(android: Path, aarch64: Path, tmp_path: Path) -> None:
    for wheel in (android, aarch64):
        doctored = edited(wheel, tmp_path / wheel.name, in_binaries(lambda content: with_pages(content, 0x1000)))
        assert_fault(doctored, "is aligned to 0x1000; pages of 0x4000 do not load it")


def test_instruction_above_the_baseline(android: Path, aarch64: Path, tmp_path: Path) -> None:
    for wheel in (android, aarch64):
        doctored = edited(wheel, tmp_path / wheel.name, in_binaries(lambda content: with_instruction(content, SDOT)))
        assert_fault(doctored, "1 instructions above the baseline, the first at")
        assert_good("--any-instructions", doctored)


def test_changed_file(aarch64: Path, tmp_path: Path) -> None:
    def edit(name: str, content: bytes) -> tuple[str, bytes]:
        return name, content + b"#" if name.endswith(".py") else content

    assert_fault(edited(aarch64, tmp_path / aarch64.name, edit, record=False), "is not what RECORD says")


def test_no_wheel(tmp_path: Path) -> None:
    path = tmp_path / "x-1-py3-none-linux_aarch64.whl"
    path.write_bytes(b"PK")
    assert_fault(path, "not a zip file")
    assert check(tmp_path / "missing-1-py3-none-linux_aarch64.whl")[0] == 1
