"""Emulated CPUs on this machine: right results, and times that say nothing about a board."""

from __future__ import annotations

import re
import shutil
import subprocess

from sanderling.devices.process import ProcessConnection
from sanderling.devices.url import Url
from sanderling.errors import DeviceError

# 32-bit CPUs and the `uname -m` of their kernels; all others are asked of qemu-aarch64.
_ARM = re.compile(r"(arm926|arm946|arm1026|arm1136|arm1176|arm11mpcore|cortex-a(?:5|7|8|9|15)|cortex-[mr]\d+)\b")


class QemuConnection(ProcessConnection):
    """Programs under qemu-user.

    Parameters
    ----------
    url : Url
        qemu://CPU, the CPU as in `qemu-aarch64 -cpu help`.
    """

    def __init__(self, url: Url) -> None:
        super().__init__(url)
        cpu = url.host
        arm = _ARM.match(cpu)
        names = ("qemu-arm", "qemu-arm-static") if arm else ("qemu-aarch64", "qemu-aarch64-static")
        program = next(filter(None, map(shutil.which, names)), None)
        if program is None:
            raise self.error(f"there is no {names[0]} here: apt-get install qemu-user")
        known = subprocess.run([program, "-cpu", "help"], capture_output=True, text=True).stdout.split()
        if cpu.partition(",")[0] not in known:
            raise self.error(f"{names[0]} knows no such CPU; cortex-a53, cortex-a72, cortex-a76 and max are examples")
        # qemu 7 takes minutes for SVE.
        self.launcher = (program, "-cpu", "max,sve=off,sme=off" if cpu == "max" else cpu)
        self.architecture = "aarch64" if not arm else "armv6l" if cpu.startswith("arm1") else "armv7l"
        self.emulator = f"{names[0]} -cpu {cpu}"

    def _keeper_command(self) -> list[str]:
        return ["sh", "-c"]

    def _command(self) -> list[str]:
        return ["sh", "-c"]

    def _refused(self, errors: str) -> DeviceError:
        lines = errors.split("\n")
        return self.error(f"no shell here: {lines[-1] if lines else ''}")
