"""Wheels that others made, and copies of them with one fault each."""

from __future__ import annotations

import base64
import hashlib
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

Edit = Callable[[str, bytes], tuple[str, bytes]]
SDOT = 0x4E829420  # sdot v0.4s, v1.16b, v2.16b


def download(requirement: str, python: str, platforms: list[str], into: Path) -> Path:
    """A wheel from PyPI for another machine."""
    folder = into / f"{requirement}-{python}-{platforms[0]}"
    if not folder.is_dir():
        options = [word for platform in platforms for word in ("--platform", platform)]
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", *options]
        done = subprocess.run(
            [*command, "--python-version", python, "-d", str(folder), requirement], capture_output=True, text=True
        )
        if done.returncode != 0:
            reason = f"pip cannot download {requirement} for {platforms[0]}: {done.stderr.strip()[-200:]}"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
    return next(folder.glob("*.whl"))


def edited(wheel: Path, out: Path, edit: Edit, record: bool = True) -> Path:
    """A copy whose files went through `edit` (name and content); RECORD is made true again."""
    with zipfile.ZipFile(wheel) as old:
        files = dict(edit(name, old.read(name)) for name in old.namelist())
    if record:
        name = next(name for name in files if name.endswith(".dist-info/RECORD"))
        lines = []
        for file, content in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            lines.append(f"{file},,\n" if file == name else f"{file},sha256={digest},{len(content)}\n")
        files[name] = "".join(lines).encode()
    out.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in files.items():
            new.writestr(name, content)
    return out


def in_binaries(change: Callable[[bytes], bytes]) -> Edit:
    def edit(name: str, content: bytes) -> tuple[str, bytes]:
        if not content.startswith(b"\x7fELF"):
            return name, content
        changed = change(content)
        assert changed != content, f"{name} has nothing to doctor"
        return name, changed

    return edit


def with_pages(content: bytes, size: int) -> bytes:
    """64 bits: p_align of the segments that are loaded."""
    patched = bytearray(content)
    offset, entry, count = (*struct.unpack_from("<Q", content, 32), *struct.unpack_from("<HH", content, 54))[0:3]
    for i in range(count):
        at = offset + i * entry
        if struct.unpack_from("<I", content, at)[0] == 1:
            struct.pack_into("<Q", patched, at + 48, size)
    return bytes(patched)


def with_instruction(content: bytes, word: int) -> bytes:
    """The first instruction of the first function of the dynamic symbol table is another."""
    import io

    elf = ELFFile(io.BytesIO(content))
    text = elf.get_section_by_name(".text")
    assert text is not None
    symbols = elf.get_section_by_name(".dynsym").iter_symbols()  # type: ignore[union-attr]
    address = next(s.entry.st_value for s in symbols if s.entry.st_info.type == "STT_FUNC" and s.entry.st_value)
    patched = bytearray(content)
    struct.pack_into("<I", patched, address - text.header.sh_addr + text.header.sh_offset, word)
    return bytes(patched)
