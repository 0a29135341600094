"""Estimate cycles on an ARM core: the block counts of bbcount.c times llvm-mca's cycles for each block.

llvm-mca knows no caches, no memory latency and no mispredictions: compare two programs on one core, and never quote
the figure as a time. Its model for cortex-a72 is the A57's; neoverse-n1 stands for A76 to A78, neoverse-n2 for A710.
Needs llvm-19 (llvm-mc-19 and llvm-mca-19).
"""

from __future__ import annotations

import bisect
import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

LLVM = "19"
TRIPLE = "aarch64-linux-gnu"
FEATURES = "+v8.2a,+dotprod,+i8mm,+fullfp16"
COVER = 0.995  # share of the executed instructions that is modelled


@dataclass
class Block:
    """A straight run of instructions and how often it ran."""

    address: int
    instructions: int
    executed: int
    code: bytes


@dataclass
class Estimate:
    """What a program costs between the marks; divide by the runs."""

    instructions: float
    cycles: float
    top: list[tuple[float, str]] = field(default_factory=list)


def read_blocks(path: Path) -> list[Block]:
    """Read bbcount's output."""
    blocks = []
    for line in path.read_text().splitlines():
        address, instructions, executed, code = line.split()
        blocks.append(Block(int(address, 16), int(instructions), int(executed), bytes.fromhex(code)))
    return _stitch(blocks)


def _is_branch(word: int) -> bool:
    """Whether an A64 word is b, bl, b.cond, br, blr, ret, cbz, cbnz, tbz, tbnz or svc."""
    return (
        (word & 0x7C000000) == 0x14000000
        or (word & 0xFE000000) in (0x54000000, 0xD6000000)
        or (word & 0x7E000000) in (0x34000000, 0x36000000)
        or (word >> 24) == 0xD4
    )


def _stitch(blocks: list[Block]) -> list[Block]:
    """Join a block that the emulator cut at a page border or size limit to the one that follows it."""
    at: dict[int, list[Block]] = {}
    for block in blocks:
        at.setdefault(block.address, []).append(block)
    for block in blocks:
        while (
            block.executed and block.instructions <= 600 and not _is_branch(int.from_bytes(block.code[-4:], "little"))
        ):
            end = block.address + len(block.code)
            followers = [b for b in at.get(end, ()) if b is not block and b.executed >= block.executed]
            if not followers:
                break
            followers[0].executed -= block.executed
            block.instructions += followers[0].instructions
            block.code += followers[0].code
    return [b for b in blocks if b.executed]


def hottest(blocks: Sequence[Block]) -> tuple[list[Block], float]:
    """Return the blocks that make up COVER of the instructions, and the exact share."""
    total = sum(b.instructions * b.executed for b in blocks)
    chosen, seen = [], 0
    for block in sorted(blocks, key=lambda b: -b.instructions * b.executed):
        if seen >= COVER * total:
            break
        chosen.append(block)
        seen += block.instructions * block.executed
    return chosen, seen / total


def disassemble(blocks: Sequence[Block]) -> list[list[str]]:
    """Return the assembly of each block."""
    words = [",".join(f"0x{byte:02x}" for byte in b.code[i : i + 4]) for b in blocks for i in range(0, len(b.code), 4)]
    features = f"{FEATURES},+sve2,+sme,+lse,+pauth,+rcpc,+rdm,+crc,+aes,+sha2"
    command = [f"llvm-mc-{LLVM}", "--disassemble", f"-triple={TRIPLE}", f"-mattr={features}"]
    run = subprocess.run(command, input="\n".join(words), capture_output=True, text=True)
    lines = [line.strip() for line in run.stdout.splitlines()]
    lines = [line for line in lines if line and not line.startswith(".")]
    if len(lines) != len(words):
        raise SystemExit(f"disassembled {len(lines)} of {len(words)} instructions: {run.stderr[:400]}")
    rest = iter(lines)
    return [[next(rest) for _ in range(len(b.code) // 4)] for b in blocks]


def model(assembly: Sequence[Sequence[str]], core: str) -> dict[int, float]:
    """Return llvm-mca's cycles for each block that it can model, by index."""
    source = []
    for k, block in enumerate(assembly):
        source += [f"# LLVM-MCA-BEGIN b{k}", *block, f"# LLVM-MCA-END b{k}"]
    command = [f"llvm-mca-{LLVM}", f"-mtriple={TRIPLE}", f"-mcpu={core}", f"-mattr={FEATURES}", "-json"]
    # By default a call costs 100 cycles.
    command += ["-iterations=40", "-call-latency=1", "-skip-unsupported-instructions=lack-sched"]
    run = subprocess.run(command, input="\n".join(source) + "\n", capture_output=True, text=True)
    if not run.stdout:
        raise SystemExit(f"llvm-mca refused {core}: {run.stderr[:400]}")
    cycles = {}
    for region in json.loads(run.stdout)["CodeRegions"]:
        summary = region["SummaryView"]
        cycles[int(region["Name"][1:])] = summary["TotalCycles"] / summary["Iterations"]
    return cycles


@dataclass
class Symbols:
    """Function names of one loaded module."""

    base: int
    starts: list[int]
    names: list[str]

    @classmethod
    def of(cls, module: Path, base: int) -> Symbols:
        """Read a module's symbol table."""
        command = ["nm", "-C", "--defined-only", "--numeric-sort", str(module)]
        rows = [
            line.split(maxsplit=2)
            for line in subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
        ]
        rows = [row for row in rows if len(row) == 3 and row[1] in "tTwW" and not row[2].startswith("$")]
        return cls(base, [int(row[0], 16) for row in rows], [row[2] for row in rows])

    def name(self, address: int) -> str:
        """Return the function that an address lies in."""
        i = bisect.bisect(self.starts, address - self.base) - 1
        if i < 0 or address - self.base > self.starts[-1] + 65536:
            return ""
        name = self.names[i].replace("sanderling::", "").replace("(anonymous namespace)::", "")
        return re.sub(r"\(.*", "", name)


def estimate(blocks: Sequence[Block], core: str, symbols: Symbols | None = None, top: int = 0) -> Estimate:
    """Estimate the cycles of all blocks on a core, with its `top` costliest blocks."""
    chosen, share = hottest(blocks)
    assembly = disassemble(chosen)
    cycles = model(assembly, core)
    rows = sorted(((cycles[k] * b.executed, k) for k, b in enumerate(chosen) if k in cycles), reverse=True)
    modelled = sum(cost for cost, _ in rows)
    result = Estimate(sum(b.instructions * b.executed for b in blocks), modelled / share)
    for cost, k in rows[:top]:
        block = chosen[k]
        head = " ; ".join(re.sub(r"\s+", " ", line) for line in assembly[k][:4])
        where = symbols.name(block.address) if symbols else ""
        text = f"{block.instructions} insns, {cycles[k]:.1f} cycles, x{block.executed}  {where}  {head[:80]}"
        result.top.append((cost / modelled, text))
    return result
