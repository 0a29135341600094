"""What may be asked of this machine: threads, memory, cores, instruction sets, fp16."""

from __future__ import annotations

import operator
import os
from collections.abc import Sequence

from sanderling import _core


def default_threads() -> int:
    """Count the big cores that this process may use: those with at least half the capacity of the strongest one.

    The others would wait for a little core's last piece of each step. The affinity mask (``taskset``, a container's
    cpuset, ``os.sched_setaffinity``) limits the cores.
    """
    return len(_core.big_cores(cores=_core.usable_cores())) or _core.available_cores()


def thread_count(threads: int | None) -> int:
    """Threads that are asked for, by argument, SANDERLING_THREADS or not at all; ValueError where impossible."""
    if threads is None:
        text = os.environ.get("SANDERLING_THREADS", "")
        if not text:
            return default_threads()
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 1024):
            raise ValueError(f"SANDERLING_THREADS is {text!r}; 1 to 1024 expected")
        return int(text)
    return _whole("threads", threads, 1024)


def check_memory(limit: int) -> int:
    """The limit in bytes; ValueError where nothing could be done with it."""
    return _whole("memory_limit", limit, (1 << 48) - 1)


def _whole(name: str, value: int, most: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}; a whole number expected") from None
    if not 1 <= number <= most:
        raise ValueError(f"{name} is {number}; 1 to {most} expected")
    return number


def check_cores(cores: Sequence[int], threads: int | None) -> list[int]:
    """The cores as integers; ValueError where this process may not use them, or the number of threads is another."""
    usable = _core.usable_cores()
    chosen = [operator.index(core) for core in cores]
    if not chosen or len(set(chosen)) < len(chosen) or not set(chosen) <= set(usable):
        raise ValueError(f"cores is {list(cores)}; different ones of {usable}, which this process may use, expected")
    if threads not in (None, len(chosen)):
        raise ValueError(f"threads is {threads}, but {len(chosen)} cores are given")
    return chosen


def check_isa(isa: str | None) -> str:
    """The instruction set that is asked for, by argument or SANDERLING_ISA, or ""; ValueError where it cannot run."""
    name = isa or os.environ.get("SANDERLING_ISA", "")
    available = _core.available_isas()
    if name and name not in available:
        asked = "" if isa else "SANDERLING_ISA: "
        raise ValueError(
            f"{asked}instruction set {name!r} is not one that this CPU can run; available: {', '.join(available)}"
        )
    return name


def check_fp16(isa: str) -> None:
    """Raise ValueError where no kernel of fp16 arithmetic is among those of the instruction set that is asked for."""
    if _core.has_fp16(isa=isa):
        return
    if _core.asked_isas():
        raise ValueError(
            f"fp16: the kernels of fp16 arithmetic are not among those of instruction set {isa!r}, which isa= or "
            f"SANDERLING_ISA asks for; leave it out or ask for {_core.available_isas()[0]}"
        )
    raise ValueError(
        "fp16: this CPU has no fp16 arithmetic for which there are kernels (ARMv8.2 FP16: 'fphp' and 'asimdhp' in "
        "/proc/cpuinfo, on Cortex-A55, A75, A76 and later, in 64-bit programs); leave fp16 out to compute in float32"
    )
