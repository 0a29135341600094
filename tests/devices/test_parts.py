"""Addresses, what devices tell of themselves, what is doubted, and which program is taken."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sanderling.cli.app import cli
from sanderling.devices.binaries import find_binary, folders, read_binary
from sanderling.devices.probe import Identity, State, parse_identity, parse_state
from sanderling.devices.trust import doubts
from sanderling.devices.url import Url, parse_url
from tests.support.programs import elf


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("ssh://pi@raspberrypi.local", ("ssh", "raspberrypi.local", "pi", 0)),
        ("ssh://10.0.0.7:2222/", ("ssh", "10.0.0.7", "", 2222)),
        ("ssh://pi@[fe80::1%eth0]:22", ("ssh", "fe80::1%eth0", "pi", 22)),
        ("adb://R58M123ABC", ("adb", "R58M123ABC", "", 0)),
        ("adb://192.168.1.5:5555", ("adb", "192.168.1.5:5555", "", 0)),
        ("adb://", ("adb", "", "", 0)),
        ("qemu://cortex-a72", ("qemu", "cortex-a72", "", 0)),
    ],
)
def test_addresses(text: str, parts: tuple[str, str, str, int]) -> None:
    assert parse_url(text) == Url(text, *parts)


@pytest.mark.parametrize(
    "text",
    ["pi@host", "ssh://", "ssh://-oProxyCommand=x", "ssh://-l@host", "ssh://a b", "ssh://host:0", "ssh://host:99999",
     "ssh://pi:secret@host", "ssh://host/path", "http://host", "qemu://", "qemu://-cpu", "adb://a\nb"],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no (device|address)|names no CPU"):
        parse_url(text)


def test_command_line_errors(tmp_path: Path) -> None:
    model = tmp_path / "x.tflite"
    for words in (["--device", "nowhere"], ["--html", "x"], ["--cores", "1"], ["--with", "x"], [str(model)]):
        result = CliRunner().invoke(cli, ["bench", str(model), *words])
        assert result.exit_code == 2, words
        assert result.stderr.count("\n") == 1
    for words in (["deploy", str(model)], ["deploy", "--device", "qemu://max"],
                  ["bench", "--device", "qemu://max", "--cores", "1,1", str(model)],
                  ["bench", "--device", "qemu://max", "--cores", "1,2", "--threads", "3", str(model)]):  # fmt: skip
        assert CliRunner().invoke(cli, words).exit_code == 2, words


def test_pages_that_cannot_be_written_are_refused_first(tmp_path: Path) -> None:
    """Before anything is measured; and no page is written over what is read."""
    model = tmp_path / "x.tflite"
    model.write_bytes(b"a model")
    for page, message in ((tmp_path / "no" / "page.html", "there is no folder"), (model, "is read, too")):
        result = CliRunner().invoke(cli, ["bench", str(model), "--device", "qemu://max", "--html", str(page)])
        assert result.exit_code == 2
        assert message in result.stderr
    assert model.read_bytes() == b"a model"


# What a Raspberry Pi 4 prints, put together from the kernel's documentation, not recorded from one.
CPUFREQ = "/sys/devices/system/cpu/cpu{}/cpufreq/{}\t{}\n"
CORE = "/proc/cpuinfo\tprocessor\t: {}\n/proc/cpuinfo\tFeatures\t: fp asimd crc32\n/proc/cpuinfo\tCPU part\t: 0xd08\n"
PI = (
    "machine\taarch64\nkernel\tLinux 6.6.31+rpt-rpi-v8\nboard\tRaspberry Pi 4 Model B Rev 1.4\n"
    + "".join(CORE.format(i) + CPUFREQ.format(i, "cpuinfo_max_freq", 1800000) for i in range(4))
    + '/etc/os-release\tPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n/proc/meminfo\tMemTotal:        3884332 kB\n'
    "/proc/self/status\tCpus_allowed_list:\t0-3\n"
)
PI_STATE = (
    "".join(CPUFREQ.format(i, "scaling_governor", "ondemand") + CPUFREQ.format(i, "scaling_cur_freq", 1800457)
            for i in range(4))
    + "/sys/class/thermal/thermal_zone0/type\tcpu-thermal\n/sys/class/thermal/thermal_zone0/temp\t48686\n"
    "/proc/loadavg\t0.12 0.08 0.01 1/180 1234\nthrottled\tthrottled=0x50005\n"
)  # fmt: skip


def test_identity_of_a_pi() -> None:
    who = parse_identity(PI)
    assert (who.machine, who.cpu, who.board) == ("aarch64", "Cortex-A72", "Raspberry Pi 4 Model B Rev 1.4")
    assert (who.cores, who.allowed_cores, who.memory_bytes) == (4, "0-3", 3884332 * 1024)
    assert who.system == "Debian GNU/Linux 12 (bookworm)"
    assert who.highest_mhz == dict.fromkeys(range(4), 1800)


def test_identity_of_a_phone() -> None:
    parts = "".join(f"/proc/cpuinfo\tCPU part\t: 0x{p:x}\n" for p in [0xD05] * 4 + [0xD41] * 3 + [0xD44])
    who = parse_identity(f"machine\taarch64\nro.product.manufacturer\tAcme\nro.product.model\tOne\n"
                         f"ro.build.version.release\t14\n{parts}")  # fmt: skip
    assert who.cpu == "4 x Cortex-A55 + 3 x Cortex-A78 + 1 x Cortex-X1"
    assert (who.board, who.system) == ("Acme One", "Android 14")


@pytest.mark.parametrize("text", ["", "machine\t\n", "\t\n\t\t", "/proc/cpuinfo\t\n", "throttled\tVCHI failed"])
def test_devices_that_tell_little(text: str) -> None:
    assert parse_identity(text).machine == ""
    assert parse_state(text) == State()


def test_state_of_a_pi() -> None:
    found = parse_state(PI_STATE)
    assert found.governor == ["ondemand"]
    assert found.clock_mhz == dict.fromkeys(range(4), 1800)
    assert found.celsius == {"cpu-thermal": 48.686}
    assert found.load == 0.12
    assert found.report()["throttled"] == "0x50005"
    assert found.report()["throttled_means"] == [
        "under-voltage", "throttled", "under-voltage (since boot)", "throttled (since boot)"]  # fmt: skip


def why(before: list[int] | None = None, after: list[int] | None = None, *, runs: list[float] | None = None,
        flags: tuple[int | None, int | None] = (None, None), cores: list[int] | None = None,
        highest: dict[int, int] | None = None) -> list[str]:  # fmt: skip
    bench: dict[str, Any] = {"runs_ms": runs or [1.0] * 30, "clock_khz": {"before": before or [], "after": after or []}}
    states = [State(throttled=f) for f in flags]
    return doubts(Identity("aarch64", highest_mhz=highest or {}), states[0], states[1], bench, "", cores)


def test_steady_runs_are_trusted() -> None:
    assert why() == []
    assert why([1800000] * 4, [1800457] * 4) == []
    assert why(flags=(0, 0)) == []
    assert why(flags=(0x50000, 0x50000)) == [], "what happened before is not this run's"
    assert why([0, 0], [0, 1500000]) == []


def test_what_moves_is_not_trusted() -> None:
    assert why([1800000] * 4, [600000] * 4) == ["the clock moved: 1800 to 600 MHz"]
    assert "under-voltage" in why(flags=(0, 0x10000))[0]
    assert "throttled" in why(flags=(0, 0x40004))[0]
    assert "soft temperature limit" in why(flags=(0x80008, 0x80000))[0]
    assert why(runs=[1.0] * 10 + [1.1] * 10 + [1.3] * 10) == ["the last runs took +30 % of the first ones' time"]


def test_only_the_clocks_of_the_cores_in_use_count() -> None:
    before, after = [500000, 500000, 2000000, 2000000], [900000, 500000, 2000000, 1500000]
    highest = {0: 1800, 1: 1800, 2: 2400, 3: 2400}
    assert why(before, after, highest=highest) == ["the clock moved: 2000 to 1500 MHz"]
    assert why(before, after, highest=highest, cores=[1, 2]) == []
    assert why(before, after, highest=highest, cores=[0]) == ["the clock moved: 500 to 900 MHz"]


def test_programs_are_told_apart_by_their_content(tmp_path: Path) -> None:
    arm = elf(tmp_path / "a", 183, b"")
    elf(tmp_path / "b", 62, b"")
    assert find_binary("aarch64", [tmp_path]).path == arm
    assert find_binary("x86_64", [tmp_path]).architecture == "x86_64"
    assert find_binary("aarch64", [arm]).path == arm
    with pytest.raises(FileNotFoundError, match="musl-armv7"):
        find_binary("armv7l", [tmp_path])
    with pytest.raises(FileNotFoundError, match="riscv64"):
        find_binary("riscv64", [tmp_path])


def test_arm_programs_and_loaders(tmp_path: Path) -> None:
    def arm(folder: str, interpreter: bytes = b"") -> Path:
        path = tmp_path / folder / "sanderling-bench"
        path.parent.mkdir(parents=True)
        header = b"\x7fELF\1\1\1" + bytes(9) + struct.pack("<HHIIIIIHHHHHH", 2, 40, 1, 0, 52, 0, 0, 52, 32, 1, 0, 0, 0)
        kind = 3 if interpreter else 1
        path.write_bytes(header + struct.pack("<8I", kind, 84, 0, 0, len(interpreter), 0, 0, 0) + interpreter)
        return path

    v7, v6 = arm("sanderling-musl-armv7/bin"), arm("sanderling-rpi-armv6/bin", b"/lib/ld-linux-armhf.so.3\0")
    phone = arm("sanderling-android-armeabi-v7a/bin", b"/system/bin/linker\0")
    found = read_binary(v6)
    assert found is not None
    assert (found.architecture, found.loader) == ("armv6", "/lib/ld-linux-armhf.so.3")
    assert find_binary("armv7l", [tmp_path]).path == v7
    assert find_binary("armv6l", [tmp_path]).path == v6
    assert find_binary("armv8l", [phone.parent], android=True).path == phone
    with pytest.raises(FileNotFoundError):
        find_binary("armv7l", [phone.parent])
    for cut in (0, 4, 19, 30, 50):
        (tmp_path / "cut").write_bytes(v7.read_bytes()[:cut])
        assert read_binary(tmp_path / "cut") is None


@pytest.mark.parametrize(
    ("machine", "target"), [("aarch64", "musl-aarch64"), ("armv7l", "musl-armv7"), ("armv6l", "musl-armv6")]
)
def test_a_missing_program_can_be_made(machine: str, target: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=rf"no sanderling-bench for {machine} .*cross/build.py {target} "):
        find_binary(machine, [tmp_path])


def test_where_programs_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SANDERLING_BINARIES", raising=False)
    assert folders("x") == [Path("x")]
    assert folders()[0] == Path("dist")
    monkeypatch.setenv("SANDERLING_BINARIES", os.pathsep.join(["a", "b"]))
    assert folders() == [Path("a"), Path("b")]
