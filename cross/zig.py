"""zig as the cross compiler: wrappers that CMake takes for clang, and the environment for them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from common import ROOT, CannotBuild, cache
from targets import Target

# zig names CPUs and features in one option, -mcpu: -march and -mfpu of cmake/isa.cmake are put in those words.
COMPILER = """\
#!/bin/sh
# {target}: {tool} of zig {version}, which writes only to its own cache
cpu='{cpu}'
link=-g  # symbols stay; cross/strip.py takes them out
for word; do
  shift
  case $word in
    -march=armv8.2-a+fp16) cpu=generic+v8_2a+fullfp16 ;;
    -march=armv8.2-a*) cpu="generic+v8_2a${{word#-march=armv8.2-a}}" ;;
    -march=armv7-a) cpu=generic+v7a ;;
    -mfpu=neon) cpu="$cpu+neon" ;;
    -mtune=*) set -- "$@" -Xclang -tune-cpu -Xclang "${{word#-mtune=}}" ;;
    -c | -E | -S) link= && set -- "$@" "$word" ;;
    *) set -- "$@" "$word" ;;
  esac
done
export ZIG_GLOBAL_CACHE_DIR='{cache}'
# zig builds its C++ runtime once for each kind of -O: -Os unless the words after it say otherwise.
exec '{zig}' {tool} -Os $link -target {triple} -mcpu="$cpu" -fno-sanitize=undefined "$@"
"""
TOOL = """\
#!/bin/sh
export ZIG_GLOBAL_CACHE_DIR='{cache}'
exec '{zig}' {tool} "$@"
"""
STRIP = """\
#!/bin/sh
exec '{python}' '{strip}' "$@"
"""


def find_zig() -> tuple[Path, str]:
    """zig's program and version."""
    spec = importlib.util.find_spec("ziglang")
    if spec is None or spec.origin is None:
        raise CannotBuild("the cross compiler is missing: pip install ziglang")
    from importlib.metadata import version

    return Path(spec.origin).parent / "zig", version("ziglang")


def wrappers(target: Target) -> Path:
    """Write cc, c++, ar, ranlib and strip for a target into the cache, and return their folder."""
    zig, version = find_zig()
    folder = cache() / "bin" / target.name
    folder.mkdir(parents=True, exist_ok=True)
    words = {
        "cache": cache() / "zig",
        "zig": zig,
        "version": version,
        "target": target.name,
        "triple": target.zig,
        "cpu": target.cpu,
        "python": sys.executable,
        "strip": ROOT / "cross" / "strip.py",
    }
    texts = {tool: COMPILER.format(tool=tool, **words) for tool in ("cc", "c++")}
    texts |= {tool: TOOL.format(tool=tool, **words) for tool in ("ar", "ranlib")}
    texts["strip"] = STRIP.format(**words)
    for name, text in texts.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:  # ccache looks at the time
            path.write_text(text)
            path.chmod(0o755)
    return folder


def environment(target: Target) -> dict[str, str]:
    """What cross/toolchains/zig.cmake reads, and ccache."""
    folder = wrappers(target)
    env = {
        "CMAKE_TOOLCHAIN_FILE": str(ROOT / "cross" / "toolchains" / "zig.cmake"),
        "SANDERLING_ZIG": str(folder),
        "SANDERLING_PROCESSOR": target.processor,
        "SANDERLING_STATIC": "ON" if target.static else "",
    }
    if shutil.which("ccache"):
        env |= {
            "CMAKE_CXX_COMPILER_LAUNCHER": "ccache",
            "CCACHE_COMPILERTYPE": "clang",
            "CCACHE_COMPILERCHECK": f"string:zig {find_zig()[1]} {target.zig} {target.cpu}",
            "CCACHE_BASEDIR": str(ROOT),
            "CCACHE_NOHASHDIR": "1",
        }
    return {name: os.environ.get(name, value) if name == "CCACHE_BASEDIR" else value for name, value in env.items()}


def renew(folder: Path, target: Target) -> None:
    """Empty a build folder that another compiler or baseline made: neither CMake nor ninja sees the difference."""
    made_with = "\n".join(path.read_text() for path in sorted(wrappers(target).glob("c*")))
    stamp = folder / "made-with"
    if not stamp.exists() or stamp.read_text() != made_with:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        stamp.write_text(made_with)
