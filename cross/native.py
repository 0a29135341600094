"""The C library, its header and sanderling-bench for another machine."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import zig
from common import ROOT, CannotBuild, run
from targets import Target
from wheel import RELEASE

NO_NDK = """\
{name} needs the Android NDK (r26 or later): set ANDROID_NDK_HOME to its folder.
Without it, the static benchmark runs on a phone too, as it needs no library of the system:
  python cross/build.py {musl}
  adb push dist/sanderling-{musl}/bin/sanderling-bench model.sand /data/local/tmp/
  adb shell /data/local/tmp/sanderling-bench /data/local/tmp/model.sand"""


def android(target: Target) -> tuple[dict[str, str], dict[str, str]]:
    """Environment and CMake variables for the NDK."""
    ndk = os.environ.get("ANDROID_NDK_HOME", "")
    toolchain = Path(ndk) / "build" / "cmake" / "android.toolchain.cmake"
    if not ndk or not toolchain.is_file():
        text = NO_NDK.format(name=target.name, musl="musl-armv7" if "armv7" in target.processor else "musl-aarch64")
        if ndk:
            text = f"ANDROID_NDK_HOME={ndk} has no build/cmake/android.toolchain.cmake.\n{text}"
        elif target.processor == "x86_64":
            text = text.splitlines()[0]
        raise CannotBuild(text)
    return {"CMAKE_TOOLCHAIN_FILE": str(toolchain)}, {
        "ANDROID_ABI": target.abi,
        "ANDROID_PLATFORM": "android-24",
        "ANDROID_STL": "c++_static",
        "BUILD_SHARED_LIBS": "ON",
        "CMAKE_SHARED_LINKER_FLAGS": "-Wl,-z,max-page-size=16384 -Wl,--gc-sections",
        "CMAKE_EXE_LINKER_FLAGS": "-Wl,-z,max-page-size=16384",
    }


def build_native(target: Target, dist: Path) -> Path:
    env, extra = android(target) if target.abi else (zig.environment(target), {})
    defines = {
        **RELEASE,
        "SANDERLING_OPTIMIZE": "-Os",
        "CMAKE_BUILD_TYPE": "Release",
        "SANDERLING_PYTHON": "OFF",
        "SANDERLING_NATIVE": "ON",
        **extra,
    }
    folder = ROOT / "build" / "cross" / f"{target.name}-native"
    if not target.abi:
        zig.renew(folder, target)
    out = dist / f"sanderling-{target.name}"
    env["SANDERLING_SYMBOLS"] = str(dist / "symbols" / out.name)  # strip.py
    cmake = shutil.which("cmake", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    if cmake is None:
        raise CannotBuild("cmake is missing: pip install cmake ninja")
    env["PATH"] = os.pathsep.join((str(Path(cmake).parent), os.environ["PATH"]))  # ninja is beside it
    run([cmake, "-S", ROOT, "-B", folder, "-G", "Ninja", *(f"-D{k}={v}" for k, v in defines.items())], env)
    print(f"building for {target.name}: the first time this takes minutes (SANDERLING_VERBOSE=1 shows all)", flush=True)
    run([cmake, "--build", folder], env)
    shutil.rmtree(out, ignore_errors=True)
    run([cmake, "--install", folder, "--prefix", out, "--strip"], env)
    return out
