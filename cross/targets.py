"""The targets of build.py, one row each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    name: str
    kinds: tuple[str, ...]  # what build.py makes, the default first: "wheel", "native"
    runs_on: str
    processor: str  # CMAKE_SYSTEM_PROCESSOR
    zig: str = ""  # zig's name of the target, with the version of glibc
    cpu: str = ""  # the baseline, in zig's names of CPUs and features
    platform: str = ""  # platform tag of the wheel before auditwheel, with dashes as sysconfig has it
    repair: bool = False  # auditwheel knows the processor: a manylinux tag
    triple: str = ""  # Debian's, also in the extension's suffix
    debian: str = ""  # Debian's architecture that has the headers
    abi: str = ""  # ANDROID_ABI
    static: bool = False


TARGETS = {
    t.name: t
    for t in (
        Target(
            "rpi-aarch64",
            ("wheel", "native"),
            "Raspberry Pi 3, 4, 5, Zero 2 W and other 64-bit ARM Linux (glibc 2.28)",
            processor="aarch64",
            zig="aarch64-linux-gnu.2.28",
            cpu="generic",
            platform="linux-aarch64",
            repair=True,
            triple="aarch64-linux-gnu",
            debian="arm64",
        ),
        Target(
            "rpi-armv7",
            ("wheel", "native"),
            "Raspberry Pi 2 and later with a 32-bit system (glibc 2.28)",
            processor="armv7l",
            zig="arm-linux-gnueabihf.2.28",
            cpu="generic+v7a+vfp3d16-neon-d32",
            platform="linux-armv7l",
            repair=True,
            triple="arm-linux-gnueabihf",
            debian="armhf",
        ),
        Target(
            "rpi-armv6",
            ("wheel", "native"),
            "Raspberry Pi Zero and 1 (glibc 2.28)",
            processor="armv6l",
            zig="arm-linux-gnueabihf.2.28",
            cpu="arm1176jzf_s",
            platform="linux-armv6l",
            triple="arm-linux-gnueabihf",
            debian="armhf",
        ),
        Target(
            "musl-aarch64",
            ("native",),
            "any 64-bit ARM Linux or Android, static",
            processor="aarch64",
            zig="aarch64-linux-musl",
            cpu="generic",
            static=True,
        ),
        Target(
            "musl-armv7",
            ("native",),
            "any 32-bit ARM Linux or Android from ARMv7, static",
            processor="armv7l",
            zig="arm-linux-musleabihf",
            cpu="generic+v7a+vfp3d16-neon-d32",
            static=True,
        ),
        Target(
            "musl-armv6",
            ("native",),
            "any 32-bit ARM Linux from ARM1176, static",
            processor="armv6l",
            zig="arm-linux-musleabihf",
            cpu="arm1176jzf_s",
            static=True,
        ),
        Target("android-arm64-v8a", ("native",), "Android 7 and later, NDK", processor="aarch64", abi="arm64-v8a"),
        Target("android-armeabi-v7a", ("native",), "Android 7 and later, NDK", processor="armv7-a", abi="armeabi-v7a"),
        Target("android-x86_64", ("native",), "Android 7 and later (emulator), NDK", processor="x86_64", abi="x86_64"),
    )
}
