"""Cycles of the inner loops of the built ARM kernels by llvm-mca, beside the limit that the core's issue width sets.

python benchmarks/arm/inner_loops.py [--cores cortex-a53,cortex-a55,...] [--all] [--out FILE]

Reads the object files of build/aarch64 (cross/emulated/build.sh) and prints a markdown table. An inner loop is a
backward branch with no other one, no call and no return between it and its target; of each kernel the loop that
multiplies most is shown (of the matrix kernels the largest tile); with --all every loop that multiplies. The limit is
llvm-mca's block reciprocal throughput: what the busiest unit, or the issue width, needs if nothing ever waits. Each
core runs the kernels that it would choose.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OBJECTS = ROOT / "build/aarch64/CMakeFiles/sanderling_core.dir/csrc/kernels"
TRIPLE = "aarch64-linux-gnu"
FEATURES = "+v8.2a,+dotprod,+i8mm,+fullfp16"
CORES = {
    "neon": ("cortex-a53", "cortex-a72"),
    "neon_dotprod": ("cortex-a55", "neoverse-n1"),
    "neon_i8mm": ("neoverse-n2",),
}
"""The cores that each instruction set's kernels are for."""
ROOMS = ("conv2d_q8", "depthwise_q8", "conv2d_f32", "depthwise_f32", "matmul")
PRODUCTS = {
    r"[su]dot .*\.4s": 16,
    r"[su]?u?s?mmla .*\.4s": 32,
    r"[su](mul|mla)l2? .*\.8h, .*b": 8,
    r"[su](mul|mla)l2? .*\.4s, .*h": 4,
    r"mla .*\.8h": 8,
    r"fml[as] .*\.4s": 4,
    r"fml[as] .*\.8h": 8,
}
"""Multiplications of an instruction."""


@dataclass
class Loop:
    """An inner loop of one kernel."""

    room: str
    isa: str
    function: str
    body: list[str]
    products: int

    @property
    def title(self) -> str:
        """Which kernel it is and what it multiplies with."""
        kinds = dict.fromkeys(line.split()[0] for line in self.body if multiplies(self.room, line))
        return f"{self.room} {self.isa}: {'/'.join(kinds)}"


def multiplies(room: str, line: str) -> int:
    """Return the multiplications of an instruction; floats of integer kernels only rescale."""
    if room.endswith("_q8") and line.startswith("fml"):
        return 0
    return next((n for pattern, n in PRODUCTS.items() if re.match(pattern, line)), 0)


def functions(path: Path) -> dict[str, list[tuple[int, str]]]:
    """Return the instructions of an object file by function: address and text."""
    command = ["llvm-objdump-19", "-d", "-C", "--no-show-raw-insn", f"--mattr={FEATURES}", str(path)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[str, list[tuple[int, str]]] = {}
    name = ""
    for line in text.splitlines():
        if head := re.match(r"[0-9a-f]+ <(.*)>:$", line):
            name = head[1]
        elif code := re.match(r"\s*([0-9a-f]+):\s+(.*)", line):
            clean = " ".join(code[2].split("//")[0].split())
            found.setdefault(name, []).append((int(code[1], 16), clean))
    return found


def inner_loops(code: Sequence[tuple[int, str]]) -> list[list[str]]:
    """Return the bodies of a function's innermost loops."""
    index = {address: i for i, (address, _) in enumerate(code)}
    target = [re.search(r"0x([0-9a-f]+) <", text) if text[0] in "bct" else None for _, text in code]
    loops = []
    start = 0  # no loop may begin before: after the last backward branch or call
    for i, (_, text) in enumerate(code):
        match = target[i]
        to = index.get(int(match[1], 16)) if match and re.match(r"b\.|b |cb|tb", text) else None
        if to is not None and to <= i:
            if to >= start:
                loops.append([line for _, line in code[to : i + 1]])
            start = i + 1
        elif re.match(r"(bl|blr|br|ret)\b", text):
            start = i + 1
    return loops


def find(every: bool) -> list[Loop]:
    """Return the loops of all kernels."""
    found = []
    for room in ROOMS:
        for isa in CORES:
            for path in sorted((OBJECTS / room).glob(f"{isa}.cc.o")):
                loops = []
                for function, code in functions(path).items():
                    for body in inner_loops(code):
                        if products := sum(multiplies(room, line) for line in body):
                            loops.append(Loop(room, isa, _short(function), body, products))
                loops.sort(key=lambda loop: -loop.products)
                found += loops if every else _one_of_each(loops)
    return found


def _short(function: str) -> str:
    """Return a demangled name without namespaces, casts, result and arguments."""
    name = re.sub(r"\(anonymous namespace\)::|sanderling::", "", function)
    name = re.sub(r"\([\w:]+\)(?=\d)", "", name)
    return re.sub(r"\(.*", "", name).removeprefix("void ")


def _one_of_each(loops: list[Loop]) -> list[Loop]:
    """Return the loop with the most products for each sort of instruction, and in depthwise kernels each function."""
    chosen: dict[tuple[str, str], Loop] = {}
    for loop in loops:
        if 4 * loop.products >= loops[0].products:
            function = loop.function.split("<")[0] if loop.room.startswith("depthwise") else ""
            chosen.setdefault((function, loop.title.replace("smlal2", "smlal")), loop)
    return list(chosen.values())


def model(loops: Sequence[Loop], core: str) -> list[tuple[float, float]]:
    """Return llvm-mca's cycles per round of each loop, and the limit."""
    source = []
    for i, loop in enumerate(loops):
        # Branch targets mean nothing to it.
        body = [re.sub(r"0x[0-9a-f]+ <.*", "0", line) for line in loop.body]
        source += [f"# LLVM-MCA-BEGIN l{i}", *body, f"# LLVM-MCA-END l{i}"]
    command = ["llvm-mca-19", f"-mtriple={TRIPLE}", f"-mcpu={core}", f"-mattr={FEATURES}", "-json", "-iterations=200"]
    run = subprocess.run(command, input="\n".join(source) + "\n", capture_output=True, text=True)
    if not run.stdout:
        raise SystemExit(f"llvm-mca refused {core}: {run.stderr[:400]}")
    result = {}
    for region in json.loads(run.stdout)["CodeRegions"]:
        summary = region["SummaryView"]
        cycles = summary["TotalCycles"] / summary["Iterations"]
        result[int(region["Name"][1:])] = (cycles, summary["BlockRThroughput"])
    return [result[i] for i in range(len(loops))]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cores", help="only these")
    parser.add_argument("--all", action="store_true", help="every loop that multiplies, with its function")
    parser.add_argument("--code", action="store_true", help="print each loop's instructions")
    parser.add_argument("--out", type=Path, help="write the table to this file too")
    args = parser.parse_args()
    only = args.cores.split(",") if args.cores else None

    lines = ["| inner loop | products | core | cycles | limit | share of the limit |", "|---|---:|---|---:|---:|---:|"]
    loops = find(args.all)
    for isa, cores in CORES.items():
        mine = [loop for loop in loops if loop.isa == isa]
        for core in [c for c in cores if only is None or c in only]:
            for loop, (cycles, limit) in zip(mine, model(mine, core), strict=True):
                name = f"{loop.title}, {loop.function}"
                lines.append(
                    f"| {name} | {loop.products} | {core} | {cycles:.1f} | {limit:.1f} | {limit / cycles:.0%} |"
                )
                if args.code:
                    lines += [f"    {line}" for line in loop.body]
    print("\n".join(lines))
    if args.out:
        args.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
