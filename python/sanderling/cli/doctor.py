"""`sanderling doctor`: what this machine is, and what sanderling makes of it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from sanderling import __version__
from sanderling.cli.terminal import console, count_text, json_option, plain, print_json

_CPU = Path("/sys/devices/system/cpu")
_THERMAL = Path("/sys/class/thermal")

# Bits of `vcgencmd get_throttled` on a Raspberry Pi; 16 bits further up: has happened since boot.
_THROTTLED = {0: "under-voltage", 1: "frequency capped", 2: "throttled", 3: "soft temperature limit"}

_INTERESTING = re.compile(
    r"(neon|asimd\w*|fphp|sve\w*|i8mm|bf16|sme(?:_\w+|2\w*)?|ssse3|sse4_[12]|avx\w*|fma|f16c|amx\w*|vfpv4|edsp)"
)


@click.command(short_help="Tell about this machine.")
@json_option
def doctor(as_json: bool) -> None:
    """Tell about the CPU, instruction sets, cores, clock, temperature, memory and versions here."""
    report = examine()
    if as_json:
        print_json(report)
        return
    screen = console()
    for title, section in report.items():
        screen.print(title, style="bold")
        lines = {
            name if title == "kernels" else name.replace("_", " "): _text(name, v)
            for name, v in section.items()
            if v not in (None, "", [], {})
        }
        for name, text in (lines or {"": "not told by this system"}).items():
            first, *rest = textwrap.wrap(plain(text), max(screen.width - 23, 30)) or [""]
            for left, line in [(name, first), *(("", line) for line in rest)]:
                screen.print(Text(f"  {left:20}{line}"))


def _text(name: str, value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k}: {_text(name, v)}" for k, v in value.items())
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_bytes"):
        return count_text(value, "B")
    return str(value)


def examine() -> dict[str, dict[str, Any]]:
    """Return everything, section by section; None for what the system does not tell."""
    info = _cpuinfo()
    sections: dict[str, Callable[[], dict[str, Any]]] = {
        "cpu": lambda: _cpu(info),
        "engine": _engine,
        "kernels": _kernels,
        "clock": _clock,
        "temperature": _temperature,
        "memory": _memory,
        "versions": _versions,
    }
    return {name: section() for name, section in sections.items()}


def _read(path: Path | str) -> str | None:
    try:
        return Path(path).read_text("utf-8", "replace").strip("\0\n ")
    except OSError:
        return None


def _number(path: Path) -> int | None:
    text = _read(path)
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def _cpuinfo() -> dict[str, str]:
    """First value of each key of /proc/cpuinfo."""
    result: dict[str, str] = {}
    for line in (_read("/proc/cpuinfo") or "").splitlines():
        key, _, value = line.partition(":")
        result.setdefault(key.strip(), value.strip())
    return result


def _cpu(info: dict[str, str]) -> dict[str, Any]:
    features = (info.get("flags") or info.get("Features") or "").split()
    quota = None
    limit = (_read("/sys/fs/cgroup/cpu.max") or "").split()
    if len(limit) == 2 and limit[0].isdigit() and limit[1].isdigit() and int(limit[1]):
        quota = int(limit[0]) / int(limit[1])
    return {
        "machine": _read("/proc/device-tree/model"),
        "model": info.get("model name") or info.get("Model") or info.get("Hardware") or platform.processor() or None,
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "usable_cores": sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "cores_quota": quota,
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "features": sorted({f for f in features if _INTERESTING.fullmatch(f)}),
    }


def _engine() -> dict[str, Any]:
    try:
        from sanderling import _core
        from sanderling.machine import default_threads, thread_count
    except ImportError as e:
        return {"problem": f"the compiled core cannot be imported: {e}"}
    available, wanted, chosen = _isas()
    problems = [] if wanted in ["", *available] else [f"SANDERLING_ISA is {wanted!r}, which this CPU cannot run"]
    try:
        threads = thread_count(None)
    except ValueError as e:
        threads = default_threads()
        problems.append(str(e))
    return {
        "version": _core.version,
        "instruction_sets": available,
        "fp16_arithmetic": bool(_core.asked_isas()),
        "chosen": chosen,
        "problem": "; ".join(problems) or None,
        "big_cores": _core.big_cores(cores=_core.usable_cores()),
        "threads": threads,
        "operators": len(_core.operators()),
    }


def _isas() -> tuple[list[str], str, str]:
    """Instruction sets that can run here, the best first; the one in the environment, or ""; and the one in use."""
    from sanderling import _core

    available = _core.available_isas()
    wanted = os.environ.get("SANDERLING_ISA", "")
    return available, wanted, wanted if wanted in available else available[0]


def _kernels() -> dict[str, list[str]]:
    """For each kind of kernel, those that can run here, the best first."""
    try:
        from sanderling import _core
    except ImportError:
        return {}
    available, _, chosen = _isas()
    usable = available[available.index(chosen) :]
    if _core.has_fp16(isa=chosen):
        usable += _core.asked_isas()
    kinds: dict[str, list[str]] = {}
    for kind, name, isa in _core.kernels():
        if isa in usable and kind != "peak":  # that is for benchmarks
            kinds.setdefault(kind, []).append(f"{isa}/{name}")
    return kinds


def _clock() -> dict[str, Any]:
    policies = sorted((_CPU / "cpufreq").glob("policy*")) if (_CPU / "cpufreq").is_dir() else []

    def mhz(name: str) -> list[int]:
        found = (_number(p / name) for p in policies)
        return sorted({round(n / 1000) for n in found if n is not None})

    return {
        "governor": sorted({g for g in (_read(p / "scaling_governor") for p in policies) if g}),
        "now_mhz": mhz("scaling_cur_freq"),
        "lowest_mhz": mhz("cpuinfo_min_freq"),
        "highest_mhz": mhz("cpuinfo_max_freq"),
    }


def _temperature() -> dict[str, Any]:
    celsius = {}
    for zone in sorted(_THERMAL.glob("thermal_zone*")) if _THERMAL.is_dir() else []:
        value = _number(zone / "temp")
        if value is not None:
            celsius[_read(zone / "type") or zone.name] = value / 1000
    return {"celsius": celsius, "throttled": _throttled()}


def _throttled() -> dict[str, Any] | None:
    """What a Raspberry Pi's firmware says, None elsewhere."""
    tool = shutil.which("vcgencmd")
    if tool is None:
        return None
    try:
        text = subprocess.run([tool, "get_throttled"], capture_output=True, text=True, timeout=5, check=True).stdout
        bits = int(text.strip().rpartition("=")[2], 16)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return {
        "now": [what for bit, what in _THROTTLED.items() if bits >> bit & 1] or ["no"],
        "since_boot": [what for bit, what in _THROTTLED.items() if bits >> (bit + 16) & 1] or ["no"],
    }


def _memory() -> dict[str, Any]:
    values: dict[str, int] = {}
    for line in (_read("/proc/meminfo") or "").splitlines():
        key, _, value = line.partition(":")
        number = value.split()[:1]
        if number and number[0].isdigit():
            values[key] = 1024 * int(number[0])
    limit = _read("/sys/fs/cgroup/memory.max") or ""
    return {
        "total_bytes": values.get("MemTotal"),
        "available_bytes": values.get("MemAvailable"),
        "swap_bytes": values.get("SwapTotal"),
        "limit_bytes": int(limit) if limit.isdigit() else None,
    }


def _versions() -> dict[str, Any]:
    versions: dict[str, Any] = {
        "sanderling": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "executable_bits": 64 if sys.maxsize > 2**32 else 32,
        "system": f"{platform.system()} {platform.release()}",
        "libc": " ".join(platform.libc_ver()).strip() or None,
    }
    for package in ("numpy", "flatbuffers", "pillow", "click", "rich"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return versions
