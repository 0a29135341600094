"""Is a wheel what its name promises? `python cross/check_wheel.py WHEEL...`; the status is 1 where one is not.

Checked: tags, hashes, machine, suffix of the extension, needed libraries, versions of their symbols, alignment for
large pages, and that no CPU of the baseline meets an instruction which it does not have. For the last one, the
extension with its symbols tells which functions belong to an instruction set; build.py leaves it in
dist/symbols/<wheel>/. Without it, every function counts as one that all CPUs run.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import io
import itertools
import re
import sys
import tempfile
import zipfile
from pathlib import Path

from baseline import above_baseline
from common import CannotBuild
from elf import Elf, read_elf
from platform_tags import Platform, parse


def tags_of(wheel: Path) -> tuple[set[str], list[str], list[str], list[str]]:
    """The name's tags, expanded, and their three parts."""
    parts = wheel.name.removesuffix(".whl").split("-")
    if len(parts) not in (5, 6):
        raise CannotBuild(f"{wheel.name} is no name of a wheel")
    pythons, abis, platforms = (part.split(".") for part in parts[-3:])
    return {"-".join(tag) for tag in itertools.product(pythons, abis, platforms)}, pythons, abis, platforms


def check_metadata(archive: zipfile.ZipFile, tags: set[str]) -> list[str]:
    names = archive.namelist()
    wheel_file = next((name for name in names if name.endswith(".dist-info/WHEEL")), None)
    record_file = next((name for name in names if name.endswith(".dist-info/RECORD")), None)
    if wheel_file is None or record_file is None:
        return ["no WHEEL or no RECORD in .dist-info"]
    errors = []
    lines = archive.read(wheel_file).decode().splitlines()
    declared = {line.partition(":")[2].strip() for line in lines if line.startswith("Tag:")}
    if declared != tags:
        errors.append(f"tag: the name says {', '.join(sorted(tags))}; WHEEL says {', '.join(sorted(declared))}")
    if "Root-Is-Purelib: true" in lines and not all(tag.endswith("-any") for tag in tags):
        errors.append("tag: WHEEL says Root-Is-Purelib")
    for name, digest, _ in csv.reader(io.StringIO(archive.read(record_file).decode())):
        if digest:
            kind, _, expected = digest.partition("=")
            found = hashlib.new(kind, archive.read(name)).digest()
            if base64.urlsafe_b64encode(found).rstrip(b"=").decode() != expected:
                errors.append(f"hash: {name} is not what RECORD says")
    return errors


def check_suffix(name: str, elf: Elf, platform: Platform, pythons: list[str], abis: list[str]) -> list[str]:
    base = name.rpartition("/")[2]
    if f"PyInit_{base.partition('.')[0]}" not in elf.exports:
        return []  # no extension module
    if base.endswith(".abi3.so"):
        return [] if "abi3" in abis else [f"suffix: {base} for the ABI {'.'.join(abis)}"]
    expected = [f".cpython-{abi[2:]}-{platform.triple}.so" for abi in abis if abi.startswith("cp")]
    suffix = base[base.index(".") :]
    return [] if suffix in expected else [f"suffix: {base} should end with {' or '.join(expected)}"]


def check_versions(elf: Elf, platform: Platform) -> list[str]:
    if platform.glibc is None:
        return []
    errors = []
    for library, versions in elf.versions.items():
        for version in versions:
            if match := re.fullmatch(r"GLIBC_(\d+)\.(\d+)(\.\d+)?", version):
                late = (int(match[1]), int(match[2])) > platform.glibc
            elif match := re.fullmatch(r"GLIBCXX_3\.4\.(\d+)", version):
                late = int(match[1]) > platform.glibcxx
            else:
                late = False
            if late:
                errors.append(f"symbols: {version} of {library} is newer than {platform.tag} allows")
    return errors


def check_elf(name: str, elf: Elf, platform: Platform, own: set[str], pythons: list[str], abis: list[str]) -> list[str]:
    """Everything but the instructions."""
    if (elf.machine, elf.bits) != (platform.machine, platform.bits):
        return [f"machine: {name} is {elf.machine} with {elf.bits} bits, {platform.tag} wants {platform.machine}"]
    errors = check_suffix(name, elf, platform, pythons, abis)
    for library in elf.needed:
        if library not in own and not platform.libraries.fullmatch(library):
            errors.append(f"libraries: {name} needs {library}, which {platform.tag} does not promise")
    is_module = any(export.startswith("PyInit_") for export in elf.exports)
    if platform.android and is_module and not any(library.startswith("libpython3.") for library in elf.needed):
        errors.append(f"libraries: {name} does not need libpython3.X.so, as extensions on Android must")
    errors += check_versions(elf, platform)
    if min(elf.alignments, default=platform.page) < platform.page:
        smallest = min(elf.alignments)
        errors.append(f"pages: {name} is aligned to {smallest:#x}; pages of {platform.page:#x} do not load it")
    return errors


def symbols_of(wheel: Path, name: str, elf: Elf, given: Path | None) -> Path | None:
    """The extension before it was stripped, if it is the same code."""
    path = (given or wheel.parent / "symbols") / wheel.stem / name.rpartition("/")[2]
    if not path.is_file():
        return None
    if read_elf(path).text != elf.text:
        raise CannotBuild(f"{path} has other code than {wheel.name}")
    return path


def check_wheel(wheel: Path, symbols: Path | None = None, instructions: bool = True) -> list[str]:
    """What is wrong with a wheel, one line each."""
    tags, pythons, abis, names = tags_of(wheel)
    platforms = [platform for platform in map(parse, names) if platform]
    if len(platforms) != len(names):
        return [f"tag: no rules for the platform {'.'.join(names)}"]
    errors = []
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as scratch:
        errors += check_metadata(archive, tags)
        binaries = [name for name in archive.namelist() if archive.open(name).read(4) == b"\x7fELF"]
        own = {name.rpartition("/")[2] for name in binaries}
        if not binaries:
            errors.append("no library: the wheel has no reason for a platform tag")
        for name in binaries:
            path = Path(archive.extract(name, scratch))
            elf = read_elf(path)
            found = [line for p in platforms for line in check_elf(name, elf, p, own, pythons, abis)]
            if instructions and not any(line.startswith("machine") for line in found):
                judged = symbols_of(wheel, name, elf, symbols) or path
                arches = {platform.arch for platform in platforms}
                found += [f"instructions: {name}: {line}" for arch in arches for line in above_baseline(judged, arch)]
            errors += found
    return list(dict.fromkeys(errors))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheels", nargs="+", type=Path, metavar="WHEEL")
    parser.add_argument("--symbols", type=Path, metavar="DIR", help="folder of unstripped extensions (default: beside)")
    parser.add_argument("--any-instructions", action="store_true", help="do not judge instructions")
    arguments = parser.parse_args()
    failed = 0
    for wheel in arguments.wheels:
        try:
            errors = check_wheel(wheel, arguments.symbols, not arguments.any_instructions)
        except (CannotBuild, OSError, zipfile.BadZipFile) as error:
            errors = [str(error)]
        judged = " (instructions not judged)" if arguments.any_instructions else ""
        print(f"{wheel.name}: {'not as it should be' if errors else 'good'}{judged}")
        for line in errors:
            print(f"  {line}")
        failed += bool(errors)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
