"""What a device is, and the state that its times depend on: asked by a shell script, understood here."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Any

from sanderling.devices.connection import Connection

_TOOLS = r"""
show() {
  for f do
    [ -r "$f" ] && while IFS= read -r l || [ -n "$l" ]; do printf "%s\t%s\n" "$f" "$l"; done <"$f"
  done
}
say() { n=$1; shift; command -v "$1" >/dev/null && v=$("$@") && printf "%s\t%s\n" "$n" "$v"; }
exec 2>/dev/null
"""
_IDENTITY = (
    _TOOLS
    + r"""
say machine uname -m; say kernel uname -sr
[ -r /proc/device-tree/model ] && say board tr -d "\000" </proc/device-tree/model
show /proc/cpuinfo /etc/os-release /proc/meminfo /proc/self/status
for p in ro.product.manufacturer ro.product.model ro.soc.model ro.build.version.release; do say $p getprop $p; done
show /sys/devices/system/cpu/cpu[0-9]*/cpufreq/cpuinfo_max_freq
exit 0
"""
)
_STATE = (
    _TOOLS
    + r"""
show /sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor
show /sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq
show /sys/class/thermal/thermal_zone*/type /sys/class/thermal/thermal_zone*/temp /proc/loadavg
say throttled vcgencmd get_throttled
exit 0
"""
)

# Bits of `vcgencmd get_throttled`; 16 bits further up: has happened since boot.
THROTTLED = {0: "under-voltage", 1: "frequency capped", 2: "throttled", 3: "soft temperature limit"}

_PARTS = {
    "0xb76": "ARM1176", "0xc05": "Cortex-A5", "0xc07": "Cortex-A7", "0xc08": "Cortex-A8", "0xc09": "Cortex-A9",
    "0xc0f": "Cortex-A15", "0xd03": "Cortex-A53", "0xd04": "Cortex-A35", "0xd05": "Cortex-A55", "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72", "0xd09": "Cortex-A73", "0xd0a": "Cortex-A75", "0xd0b": "Cortex-A76", "0xd0c": "Neoverse-N1",
    "0xd0d": "Cortex-A77", "0xd40": "Neoverse-V1", "0xd41": "Cortex-A78", "0xd44": "Cortex-X1", "0xd46": "Cortex-A510",
    "0xd47": "Cortex-A710", "0xd48": "Cortex-X2", "0xd49": "Neoverse-N2", "0xd4d": "Cortex-A715", "0xd4e": "Cortex-X3",
    "0xd4f": "Neoverse-V2", "0xd80": "Cortex-A520", "0xd81": "Cortex-A720", "0xd82": "Cortex-X4",
}  # fmt: skip
_CPU_FILE = re.compile(r"/sys/devices/system/cpu/cpu(\d+)/cpufreq/(\w+)")

Facts = dict[str, list[str]]


@dataclass(frozen=True)
class Identity:
    """What does not change.

    Attributes
    ----------
    machine : str
        As `uname -m` has it.
    board, cpu, system, kernel : str
        Names; "" where the device does not tell.
    features : list of str
        Of the CPU, as the kernel names them.
    cores : int
        CPUs that the kernel shows.
    allowed_cores : str
        Those that programs may use, such as 0-3.
    memory_bytes : int, optional
        All of it.
    highest_mhz : dict
        Highest clock of each CPU.
    """

    machine: str
    board: str = ""
    cpu: str = ""
    system: str = ""
    kernel: str = ""
    features: list[str] = field(default_factory=list)
    cores: int = 0
    allowed_cores: str = ""
    memory_bytes: int | None = None
    highest_mhz: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class State:
    """What changes.

    Attributes
    ----------
    governor : list of str
        Governors of the clocks.
    clock_mhz : dict
        Clock of each CPU.
    celsius : dict
        Temperature of each sensor.
    throttled : int, optional
        The flags of a Raspberry Pi's firmware; None elsewhere.
    load : float, optional
        Average of the last minute.
    """

    governor: list[str] = field(default_factory=list)
    clock_mhz: dict[int, int] = field(default_factory=dict)
    celsius: dict[str, float] = field(default_factory=dict)
    throttled: int | None = None
    load: float | None = None

    def report(self) -> dict[str, Any]:
        """Return it for JSON."""
        flags = self.throttled
        words = None if flags is None else [
            *(w for bit, w in THROTTLED.items() if flags >> bit & 1),
            *(f"{w} (since boot)" for bit, w in THROTTLED.items() if flags >> (bit + 16) & 1),
        ]  # fmt: skip
        return {**asdict(self), "throttled": None if flags is None else hex(flags), "throttled_means": words}


def identity(connection: Connection) -> Identity:
    """Ask a device what it is."""
    if connection.emulator:
        machine = connection.architecture or ""
        return Identity(machine, "emulated on this machine", connection.emulator)
    found = parse_identity(connection.run(_IDENTITY).out)
    if not found.machine:
        raise connection.error("it does not say what it is: `uname -m` gave nothing")
    return found


def state(connection: Connection) -> State:
    """Ask a device for its state. An emulated one has none: that of this machine would mislead."""
    return State() if connection.emulator else parse_state(connection.run(_STATE).out)


def parse_identity(text: str) -> Identity:
    """Understand what the script printed."""
    facts = _facts(text)
    info: dict[str, list[str]] = {}
    for line in facts.get("/proc/cpuinfo", []):
        key, _, value = line.partition(":")
        info.setdefault(key.strip(), []).append(value.strip())
    status = _pairs(facts.get("/proc/self/status", []), ":")
    release = _pairs(facts.get("/etc/os-release", []), "=")
    memory = _pairs(facts.get("/proc/meminfo", []), ":").get("MemTotal", "").split()
    product = " ".join(_first(facts, p) for p in ("ro.product.manufacturer", "ro.product.model")).strip()
    android = _first(facts, "ro.build.version.release")
    names = info.get("model name") or [_PARTS.get(p.lower(), f"part {p}") for p in info.get("CPU part", [])]
    counted = {n: names.count(n) for n in names}
    cpu = " + ".join(f"{c} x {n}" if len(counted) > 1 else n for n, c in counted.items())
    return Identity(
        machine=_first(facts, "machine"),
        board=_first(facts, "board") or product or (info.get("Model") or info.get("Hardware") or [""])[0],
        cpu=cpu or _first(facts, "ro.soc.model"),
        system=f"Android {android}" if android else release.get("PRETTY_NAME", "").strip('"'),
        kernel=_first(facts, "kernel"),
        features=(info.get("flags") or info.get("Features") or [""])[0].split(),
        cores=len(info.get("processor", [])),
        allowed_cores=status.get("Cpus_allowed_list", ""),
        memory_bytes=1024 * int(memory[0]) if memory and memory[0].isdigit() else None,
        highest_mhz=_mhz(facts, "cpuinfo_max_freq"),
    )


def parse_state(text: str) -> State:
    """Understand what the script printed."""
    facts = _facts(text)
    celsius: dict[str, float] = {}
    for path in facts:
        zone = path.removesuffix("/temp")
        value = _first(facts, path)
        if zone != path and re.fullmatch(r"-?\d+", value):
            name = _first(facts, zone + "/type") or zone.rpartition("/")[2]
            if name in celsius:
                name += " " + zone.rpartition("thermal_zone")[2]
            celsius[name] = int(value) / 1000
    flags = re.fullmatch(r"throttled=(0x[0-9a-fA-F]+)", _first(facts, "throttled"))
    load = _first(facts, "/proc/loadavg").split()
    return State(
        governor=sorted({v[0] for p, v in facts.items() if p.endswith("/scaling_governor")}),
        clock_mhz=_mhz(facts, "scaling_cur_freq"),
        celsius=celsius,
        throttled=int(flags[1], 16) if flags else None,
        load=float(load[0]) if load and re.fullmatch(r"\d+\.\d+", load[0]) else None,
    )


def _facts(text: str) -> Facts:
    facts: Facts = {}
    for line in text.splitlines():
        key, tab, value = line.partition("\t")
        if tab:
            facts.setdefault(key, []).append(value.rstrip())
    return facts


def _first(facts: Facts, key: str) -> str:
    return facts.get(key, [""])[0].strip()


def _pairs(lines: list[str], separator: str) -> dict[str, str]:
    split = (line.partition(separator) for line in lines)
    return {key.strip(): value.strip() for key, _, value in split}


def _mhz(facts: Facts, name: str) -> dict[int, int]:
    found = {}
    for path, values in facts.items():
        place = _CPU_FILE.fullmatch(path)
        if place and place[2] == name and values[0].isdigit():
            found[int(place[1])] = round(int(values[0]) / 1000)
    return dict(sorted(found.items()))
