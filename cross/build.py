"""Build for another machine: `python cross/build.py TARGET [--wheel|--native] [--python 3.11]`, results in dist/."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from common import ROOT, CannotBuild
from native import build_native
from targets import TARGETS
from wheel import build_wheel


def parser() -> argparse.ArgumentParser:
    rows = "\n".join(f"  {t.name:20}{' or '.join(t.kinds):18}{t.runs_on}" for t in TARGETS.values())
    parser = argparse.ArgumentParser(
        description="Build a wheel, or the C library with sanderling-bench, for another machine.",
        epilog=f"targets:\n{rows}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("target", choices=TARGETS, metavar="TARGET")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--wheel", dest="kind", action="store_const", const="wheel", help="Python wheel")
    kind.add_argument("--native", dest="kind", action="store_const", const="native", help="library, header, benchmark")
    parser.add_argument("--python", metavar="3.X", help="the wheel's Python (default: the one that runs this)")
    parser.add_argument("--headers", type=Path, metavar="DIR", help="the target's Python headers (default: Debian's)")
    parser.add_argument(
        "--tests", action="store_true", help="with a wheel: its kernels' test program too, in build/cross"
    )
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", metavar="DIR")
    return parser


def main() -> int:
    arguments = parser().parse_args()
    target = TARGETS[arguments.target]
    kind = arguments.kind or target.kinds[0]
    dist = arguments.dist.resolve()
    try:
        if kind == "wheel":
            if kind not in target.kinds:
                android = target.abi and "; Android wheels are made by cibuildwheel --platform android"
                raise CannotBuild(f"{target.name} has no wheel, only --native{android}")
            made = [build_wheel(target, arguments.python, arguments.headers, dist, arguments.tests)]
        else:
            folder = build_native(target, dist)
            made = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    except CannotBuild as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 1
    for path in made:
        print(f"{path.stat().st_size / 1e6:7.3f} MB  {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
