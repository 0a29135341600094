"""Instructions that a CPU of the declared baseline does not have, outside the functions of an instruction set.

Such an instruction in a function that every CPU runs is a SIGILL on the older ones. The code is disassembled for the
baseline, and for a CPU that has everything: what only the latter knows is above the baseline.
"""

from __future__ import annotations

import bisect
import re
import shutil
import subprocess
from pathlib import Path

from common import CannotBuild
from elf import Function, functions

# +all is not known to LLVM 14, which says so and takes the others.
EVERYTHING = {
    "aarch64": [
        "--mattr=+all,+v8.7a,+dotprod,+i8mm,+bf16,+fullfp16,+fp16fml,+sve2,+sve2-aes,+sha3,+sm4,+aes,+sha2,+lse,+sme,+mte"
    ],
    "armv7l": ["--triple=armv8a", "--mattr=+v8.2a,+neon,+dotprod,+fullfp16,+crypto"],
}
EVERYTHING["armv6l"] = EVERYTHING["armv7l"]
# On 32 bits the file's own attributes add what its best object needs: it is taken away again.
BASELINE = {
    "aarch64": ["--mcpu=generic"],
    "armv7l": ["--triple=armv7a", "--mattr=-neon,-vfp4,-d32,-hwdiv,-hwdiv-arm,+vfp3d16"],
    "armv6l": [
        "--triple=armv6",
        "--mcpu=arm1176jzf-s",
        "--mattr=-neon,-v7,-v6t2,-thumb2,-vfp3,-vfp3sp,-vfp3d16,-vfp3d16sp,-d32,-hwdiv,-hwdiv-arm,-mp,-db",
    ],
}
# What the objects <isa>.cc and <isa>_*.cc may hold beyond the baseline (cmake/isa.cmake).
ISA = {
    "aarch64": {
        "neon_dotprod": ["--mattr=+v8.2a,+dotprod"],
        "neon_fp16": ["--mattr=+v8.2a,+fullfp16"],
        "neon_i8mm": ["--mattr=+v8.2a,+dotprod,+i8mm"],
    },
    "armv7l": {"neon": ["--triple=armv7a", "--mattr=+neon"]},
}
ISA["armv6l"] = ISA["armv7l"]
# The compiler's own helpers. They ask the kernel what the CPU has (LSE atomics), or use what a caller that has it makes
# them use (libunwind: frames with SVE or SME state or tagged memory).
OUTLINED = re.compile(r"^(__aarch64_(cas|swp|ldadd|ldclr|ldeor|ldset)\d+_|_ZN9libunwind|__libunwind_Registers_)")
# A row of kernels.inc, <folder>_<isa>_<name>: the linker forgets of hidden functions which object they came from.
ROW = re.compile(r"^_ZN10sanderling\d+[a-z0-9_]+?_((?:neon|avx)[a-z0-9]*(?:_[a-z0-9]+)+)E")
LINE = re.compile(r"^\s*([0-9a-f]+):\s*(.*)$")


def objdump() -> str:
    for name in (*(f"llvm-objdump-{version}" for version in range(30, 13, -1)), "llvm-objdump"):
        if program := shutil.which(name):
            return program
    raise CannotBuild("llvm-objdump is missing: apt-get install llvm")


def disassemble(path: Path, options: list[str]) -> dict[int, str]:
    """Address and text of every instruction."""
    command = [objdump(), "-d", "--no-show-raw-insn", *options, str(path)]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = (LINE.match(line) for line in listed.splitlines())
    return {int(match[1], 16): match[2] for match in found if match}


def unknown(path: Path, options: list[str]) -> set[int]:
    return {address for address, text in disassemble(path, options).items() if "<unknown>" in text}


def isa_of(source: str, arch: str) -> str:
    """The instruction set of a source file, "" for the baseline."""
    stem = source.partition(".")[0]
    names = [name for name in ISA[arch] if stem == name or stem.startswith(f"{name}_")]
    return max(names, key=len, default="")


def above_baseline(path: Path, arch: str) -> list[str]:
    """One line for each function that holds instructions which it may not."""
    if arch not in BASELINE:
        return []
    everything = disassemble(path, EVERYTHING[arch])
    suspects = [a for a in sorted(unknown(path, BASELINE[arch])) if "<unknown>" not in everything.get(a, "<unknown>")]
    if not suspects:
        return []
    known = sorted(functions(path), key=lambda function: function.start)
    starts = [function.start for function in known]
    allowed = {isa: unknown(path, options) for isa, options in ISA[arch].items()}
    flagged: dict[Function, list[int]] = {}
    for address in suspects:
        at = bisect.bisect_right(starts, address) - 1
        owner = Function(0, 0, "(no symbol)", "")
        if at >= 0 and (address < known[at].end or known[at].end == known[at].start):
            owner = known[at]
        row = ROW.match(owner.name)
        isa = isa_of(owner.source or (row[1] if row else ""), arch)
        if (isa and address not in allowed[isa]) or OUTLINED.match(owner.name):
            continue
        flagged.setdefault(owner, []).append(address)
    return [
        f"{f.name}{f' of {f.source}' if f.source else ''}: {len(at)} instructions above the baseline, "
        f"the first at {at[0]:#x}: {' '.join(everything[at[0]].split())}"
        for f, at in flagged.items()
    ]
