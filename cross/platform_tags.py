"""What a wheel's platform tag promises."""

from __future__ import annotations

import re
from dataclasses import dataclass

LEGACY = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
PLAIN_LINUX = (2, 28)  # linux_*: the glibc for which build.py builds
ARCHES = {  # machine, bits, ends of extension suffixes
    "aarch64": ("EM_AARCH64", 64, "aarch64-linux-gnu"),
    "armv7l": ("EM_ARM", 32, "arm-linux-gnueabihf"),
    "armv6l": ("EM_ARM", 32, "arm-linux-gnueabihf"),
    "x86_64": ("EM_X86_64", 64, "x86_64-linux-gnu"),
    "arm64_v8a": ("EM_AARCH64", 64, "aarch64-linux-android"),
    "armeabi_v7a": ("EM_ARM", 32, "arm-linux-androideabi"),
}
# The newest libstdc++ symbols that go with a glibc (PEP 600's profiles).
GLIBCXX = {
    (2, 5): 8,
    (2, 12): 13,
    (2, 17): 19,
    (2, 24): 22,
    (2, 27): 24,
    (2, 28): 25,
    (2, 31): 28,
    (2, 34): 29,
    (2, 35): 30,
}
LINUX_LIBRARIES = re.compile(
    r"lib(c|m|dl|rt|pthread|util|nsl|resolv|gcc_s|stdc\+\+|z|atomic|expat)\.so\.\d+|ld-linux-[\w-]+\.so\.\d|linux-vdso\.so\.1"
)
ANDROID_LIBRARIES = re.compile(r"lib(c|m|dl|log|android|z|python3\.\d+)\.so")


@dataclass(frozen=True)
class Platform:
    tag: str
    arch: str  # of the instructions: aarch64 for Android's arm64_v8a too
    machine: str
    bits: int
    triple: str
    android: bool
    glibc: tuple[int, int] | None

    @property
    def page(self) -> int:
        """The Pi 5 has pages of 16 KB, and so have phones since Android 15."""
        return 0x4000 if self.bits == 64 and (self.android or self.arch == "aarch64") else 0x1000

    @property
    def libraries(self) -> re.Pattern[str]:
        return ANDROID_LIBRARIES if self.android else LINUX_LIBRARIES

    @property
    def glibcxx(self) -> int:
        return max((minor for glibc, minor in GLIBCXX.items() if self.glibc and glibc <= self.glibc), default=0)


def parse(tag: str) -> Platform | None:
    """None for a tag that has no rules here."""
    if match := re.fullmatch(r"android_\d+_(\w+)", tag):
        arch, glibc, android = match[1], None, True
    elif match := re.fullmatch(r"manylinux_(\d+)_(\d+)_(\w+)", tag):
        arch, glibc, android = match[3], (int(match[1]), int(match[2])), False
    elif match := re.fullmatch(r"(manylinux1|manylinux2010|manylinux2014)_(\w+)", tag):
        arch, glibc, android = match[2], LEGACY[match[1]], False
    elif match := re.fullmatch(r"linux_(\w+)", tag):
        arch, glibc, android = match[1], PLAIN_LINUX, False
    else:
        return None
    if arch not in ARCHES:
        return None
    machine, bits, triple = ARCHES[arch]
    if android and arch == "x86_64":
        triple = "x86_64-linux-android"
    instructions = {"arm64_v8a": "aarch64", "armeabi_v7a": "armv7l"}.get(arch, arch)
    return Platform(tag, instructions, machine, bits, triple, android, glibc)
