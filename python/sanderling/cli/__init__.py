"""The command `sanderling`; needs click and rich, which the library itself does not."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn


def main() -> None:
    """Run the command line."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:  # nohup ignores one
            signal.signal(number, _leave)
    try:
        import click  # noqa: F401
        import rich  # noqa: F401

        from sanderling.cli.app import cli
    except ImportError as e:
        if e.name not in ("click", "rich"):
            raise
        print(f"sanderling: the command line needs {e.name}: pip install 'sanderling[cli]'", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("sanderling: interrupted", file=sys.stderr)
        sys.exit(130)
    cli(prog_name="sanderling")


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    """End as an exception does, which takes away what is half done."""
    sys.exit(128 + number)
