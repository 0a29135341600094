"""The command `sanderling`; needs click and rich, which the library itself does not."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    try:
        import click  # noqa: F401
        import rich  # noqa: F401
    except ImportError as e:
        print(f"sanderling: the command line needs {e.name}: pip install 'sanderling[cli]'", file=sys.stderr)
        sys.exit(1)
    from sanderling.cli.app import cli

    cli(prog_name="sanderling")
