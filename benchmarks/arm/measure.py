"""Instructions and estimated cycles of an inference on emulated ARM cores, ours against LiteRT's (see cross/README.md).

With --fp16 ours computes in fp16, and is compared with ours in float32 (cortex-a76 and max).

python benchmarks/arm/measure.py MODEL.tflite... [--cpus cortex-a53,cortex-a72,cortex-a76,max] [--top 5] [--out FILE]

Prints a markdown table; one thread. On cortex-a7 and cortex-a15 (32 bits) only instructions are counted, and the other
side is tflite-runtime, as LiteRT has no wheel for them. LiteRT's results are kept in build/arm-litert.json, as they do
not change.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import cycles

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CORES = {"cortex-a53": "cortex-a53", "cortex-a72": "cortex-a72", "cortex-a76": "neoverse-n1", "max": "neoverse-n2"}
"""Emulated CPU, and the core whose model llvm-mca has."""
ARMV7 = ("cortex-a7", "cortex-a15")
"""32-bit CPUs: instructions only, and TensorFlow's last wheel for ARMv7, tflite-runtime 2.14, instead of LiteRT's."""


def plugin() -> Path:
    """Build the counting plugin where it is not."""
    built = ROOT / "build" / "bbcount.so"
    source = HERE / "bbcount.c"
    if not built.exists() or built.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", str(built), str(source)], check=True)
    return built


def measure(engine: str, path: Path, cpu: str, runs: int, top: int) -> dict[str, Any]:
    """Run a model under the emulator and return the figures of one inference."""
    with tempfile.TemporaryDirectory() as folder:
        blocks = Path(folder) / "blocks.txt"
        script = str(HERE / "region.py")
        options = f"out={blocks}" + (",mark=64" if cpu in ARMV7 else "")
        command = [str(ROOT / "cross/emulated/run.sh"), cpu, "--plugin", f"{plugin()},{options}", "python", script]
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        done = subprocess.run([*command, engine, str(path), str(runs)], capture_output=True, text=True, env=environment)
        if done.returncode != 0 or not blocks.exists():
            raise SystemExit(f"{engine} on {cpu}: {done.stderr[-800:]}")
        if cpu in ARMV7:
            counts = (line.split() for line in blocks.read_text().splitlines())
            total = sum(int(instructions) * int(executed) for _, instructions, executed, _ in counts)
            return {"instructions": total / runs, "cycles": 0.0, "top": []}
        symbols = None
        if engine != "litert" and top:
            module, base = done.stdout.split()
            symbols = cycles.Symbols.of(Path(module), int(base, 16))
        found = cycles.estimate(cycles.read_blocks(blocks), CORES[cpu], symbols, top)
    return {
        "instructions": found.instructions / runs,
        "cycles": found.cycles / runs,
        "top": [f"{100 * share:5.1f} %  {text}" for share, text in found.top],
    }


def litert(path: Path, cpu: str, runs: int, top: int) -> dict[str, Any]:
    """Return LiteRT's figures, kept from an earlier run where possible."""
    store = ROOT / "build" / "arm-litert.json"
    kept: dict[str, Any] = json.loads(store.read_text()) if store.exists() else {}
    key = f"{path.name} {cpu}"
    if key not in kept or (len(kept[key]["top"]) < top and cpu not in ARMV7):
        kept[key] = measure("litert", path, cpu, runs, top)
        store.write_text(json.dumps(kept, indent=1))
    result: dict[str, Any] = kept[key]
    return result


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--cpus", default="cortex-a53,cortex-a72,cortex-a76,max")
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--top", type=int, default=0, help="costliest blocks to list for each engine")
    parser.add_argument("--fp16", action="store_true", help="ours in fp16 against ours in float32")
    parser.add_argument("--out", type=Path, help="write the table to this file too")
    args = parser.parse_args()

    names = ("float32", "fp16") if args.fp16 else ("LiteRT", "sanderling")
    lines = [
        f"| model | core | {' | '.join(f'{name} M cycles (M instructions)' for name in names)} | cycles ratio |",
        "|---|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    for path in args.models:
        for cpu in args.cpus.split(","):
            if args.fp16:
                theirs = measure("sanderling", path.resolve(), cpu, args.runs, args.top)
            else:
                theirs = litert(path.resolve(), cpu, args.runs, args.top)
            ours = measure("sanderling-fp16" if args.fp16 else "sanderling", path.resolve(), cpu, args.runs, args.top)
            counted = "instructions" if cpu in ARMV7 else "cycles"
            text = [f"{x['cycles'] / 1e6:.3f} ({x['instructions'] / 1e6:.3f})" for x in (theirs, ours)]
            ratio = ours[counted] / theirs[counted]
            note = " of instructions" if cpu in ARMV7 else ""
            lines.append(f"| {path.stem} | {cpu} | {text[0]} | {text[1]} | {ratio:.2f}{note} |")
            print(lines[-1], flush=True)
            for name, found in zip(names, (theirs, ours), strict=True):
                for line in found["top"][: args.top]:
                    print(f"    {name:10s} {line}", flush=True)
    if args.out:
        args.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
