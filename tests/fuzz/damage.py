"""Damaged copies of a model are loaded and run: each gives a result or a sanderling.ModelError, nothing else.

    python -m tests.fuzz.damage MODEL... [--cuts 200] [--changes 2000] [--seed 1] [--memory-limit 512]

The cases run in a child process. A crash, a hang, another exception or memory beyond the cap is reported with the seed
and case that reproduces it: `--seed S --only CASE`. Half of the changes hit the file's structure, half any byte.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

CASE_SECONDS = 120.0
RSS_SLACK = 400 << 20
"""Bytes beyond the memory limit that interpreter, file, packed weights and outputs may take."""


@dataclass
class Report:
    """What became of the cases of one model."""

    model: str
    ran: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)
    slowest: float = 0.0
    rss_mb: float = 0.0


def structure_bytes(data: bytes) -> list[tuple[int, int]]:
    """Return the parts of the file that are not constants' data, as (begin, end)."""
    from sanderling.importers import load_ir

    base = np.frombuffer(data, np.uint8)
    origin = base.__array_interface__["data"][0]
    holes = []
    for graph in load_ir(data).graphs:
        for tensor in graph.tensors:
            if tensor.data is None or tensor.data.nbytes < 64:
                continue
            begin = tensor.data.__array_interface__["data"][0] - origin
            if 0 <= begin < len(data):
                holes.append((begin, begin + tensor.data.nbytes))
    parts, at = [], 0
    for begin, end in sorted(holes):
        if begin > at:
            parts.append((at, begin))
        at = max(at, end)
    if at < len(data):
        parts.append((at, len(data)))
    return parts or [(0, len(data))]


def damaged(data: bytes, cuts: int, changes: int, seed: int) -> Iterator[tuple[int, bytes]]:
    """Yield (case, damaged copy)."""
    parts = structure_bytes(data)
    sizes = [end - begin for begin, end in parts]
    for case in range(cuts + changes):
        rng = random.Random(seed * 1_000_003 + case)
        if case < cuts:
            yield case, data[: rng.randrange(len(data))]
            continue
        copy = bytearray(data)
        for _ in range(rng.choice((1, 1, 1, 2, 4, 8))):
            if rng.random() < 0.5:
                begin, end = rng.choices(parts, sizes)[0]
                at = rng.randrange(begin, end)
            else:
                at = rng.randrange(len(data))
            copy[at] = rng.choice((rng.randrange(256), copy[at] ^ (1 << rng.randrange(8)), 0, 255, 127, 128))
        yield case, bytes(copy)


def run_case(data: bytes, memory_limit: int) -> bool:
    """Load and run; True if it ran, False if it was refused. Anything else passes through as an exception."""
    import sanderling
    from tests.support.inputs import seeded

    rng = np.random.RandomState(1)
    try:
        model = sanderling.load(data, threads=1, memory_limit=memory_limit)
        inputs = [seeded(t, rng) for t in model.inputs]
        model(*inputs)
    except sanderling.ModelError as e:
        text = str(e)
        assert text.startswith("<bytes>") or "<" in text[:20] or ":" in text, f"no file named in: {text}"
        return False
    return True


def peak_bytes() -> int:
    """The most memory that this program had; ru_maxrss also counts what the one that started it had."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) << 10


def child(arguments: argparse.Namespace) -> None:
    data = Path(arguments.models[0]).read_bytes()
    os.environ.setdefault("SANDERLING_THREADS", "1")
    for case, copy in damaged(data, arguments.cuts, arguments.changes, arguments.seed):
        if case < arguments.start or (arguments.only is not None and case != arguments.only):
            continue
        if arguments.step > 1 and case % arguments.step:
            continue
        print(json.dumps({"begin": case}), flush=True)
        answer: dict[str, Any] = {"end": case}
        try:
            answer["ran"] = run_case(copy, arguments.memory_limit << 20)
        except MemoryError as e:
            answer["fault"] = f"MemoryError: {e}"
        except Exception as e:
            answer["fault"] = f"{type(e).__name__}: {e}"
        answer["rss"] = peak_bytes()
        print(json.dumps(answer), flush=True)


def check(model: Path, cuts: int, changes: int, seed: int, memory_limit: int = 512, only: int | None = None) -> Report:
    """Run all cases of one model in child processes (a new one after each death) and report."""
    report = Report(model.name)
    start = 0
    while start < cuts + changes:
        command = [
            sys.executable, "-m", "tests.fuzz.damage", "--child", str(model), "--cuts", str(cuts), "--changes",
            str(changes), "--seed", str(seed), "--memory-limit", str(memory_limit), "--start", str(start),
        ]  # fmt: skip
        if only is not None:
            command += ["--only", str(only)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            at, died = _watch(process, report, memory_limit)
            process.kill()
            if died:
                assert process.stderr is not None
                last = process.stderr.read()[-400:]
                report.faults.append(f"case {at}: {died} {last}".strip())
        if not died:
            break
        start = at + 1
    return report


def _watch(process: subprocess.Popen[str], report: Report, memory_limit: int) -> tuple[int, str]:
    """Follow a child; return the case it was at and what it died of ("" if it came to its end)."""
    assert process.stdout is not None
    at, began = -1, time.monotonic()
    while True:
        ready, _, _ = select.select([process.stdout], [], [], CASE_SECONDS)
        if not ready:
            return at, f"hangs ({CASE_SECONDS:.0f} s)"
        line = process.stdout.readline()
        if not line:
            code = process.wait()
            return (at, "") if code == 0 else (at, f"died with exit status {code}")
        message = json.loads(line)
        if "begin" in message:
            at, began = message["begin"], time.monotonic()
            continue
        report.slowest = max(report.slowest, time.monotonic() - began)
        report.rss_mb = max(report.rss_mb, message["rss"] / 2**20)
        if "fault" in message:
            report.faults.append(f"case {at}: {message['fault']}")
        elif message["rss"] > (memory_limit << 20) + RSS_SLACK:
            return at, f"takes {message['rss'] >> 20} MB"
        elif message["ran"]:
            report.ran += 1
        else:
            report.refused += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--cuts", type=int, default=200)
    parser.add_argument("--changes", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--memory-limit", type=int, default=512, help="megabytes for the model's tensors")
    parser.add_argument("--only", type=int)
    parser.add_argument("--start", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--step", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments)
        return 0
    failed = False
    print(f"{'model':44} {'ran':>6} {'refused':>8} {'faults':>7} {'slowest s':>10} {'RSS MB':>7}")
    for path in arguments.models:
        r = check(Path(path), arguments.cuts, arguments.changes, arguments.seed, arguments.memory_limit, arguments.only)
        print(f"{r.model:44} {r.ran:6} {r.refused:8} {len(r.faults):7} {r.slowest:10.2f} {r.rss_mb:7.0f}", flush=True)
        for fault in r.faults:
            print(f"    seed {arguments.seed} {fault}", flush=True)
        failed = failed or bool(r.faults)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
