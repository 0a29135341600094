"""The command group: global options, and errors as one line."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from typing import Any, NoReturn

import click

from sanderling import __version__
from sanderling.cli.bench import bench
from sanderling.cli.compile import compile_command
from sanderling.cli.deploy import deploy
from sanderling.cli.doctor import doctor
from sanderling.cli.inspect import inspect
from sanderling.cli.run import run
from sanderling.cli.terminal import plain
from sanderling.cli.tune import tune
from sanderling.cli.verify import verify
from sanderling.errors import DeviceError, ModelError

_EXPECTED = (ModelError, DeviceError, OSError, ValueError, TypeError, ImportError, MemoryError)


class _Group(click.Group):
    """Reports errors as one line on stderr: exit code 2 for a wrong command line, 1 for everything else."""

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        kwargs["standalone_mode"] = False
        try:
            with warnings.catch_warnings():
                warnings.showwarning = _show_warning
                # Commands return their exit code.
                code = super().main(*args, **kwargs)
            if sys.stdout is not None:  # None where the program began without one
                sys.stdout.flush()
        except click.exceptions.NoArgsIsHelpError as e:
            click.echo(e.format_message(), err=True)
            code = 2
        except click.ClickException as e:
            code = _report(e.format_message(), e.exit_code)
        except (click.Abort, KeyboardInterrupt):
            code = _report("interrupted", 130)
        except BrokenPipeError:
            # The reader of stdout went away (`| head`); keep Python from writing to it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 1
        except _EXPECTED as e:
            if logging.getLogger("sanderling").isEnabledFor(logging.DEBUG):
                logging.getLogger(__name__).debug("the command failed", exc_info=True)
            code = _report(_message(e), 1)
        sys.exit(code if isinstance(code, int) else 0)


def _report(message: str, code: int) -> int:
    click.echo("sanderling: " + plain(" ".join(message.split())), err=True)
    return code


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    _report(str(message), 0)


def _message(error: BaseException) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return str(error) or type(error).__name__


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("-v", "--verbose", is_flag=True, help="Log to stderr what is done; show tracebacks.")
@click.version_option(__version__, message="sanderling %(version)s")
def cli(verbose: bool) -> None:
    """Run, inspect, time and verify quantized neural networks."""
    logger = logging.getLogger("sanderling")
    if verbose:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(relativeCreated)6.0f ms %(name)s: %(message)s"))
        logger.handlers = [handler]
        logger.setLevel(logging.DEBUG)


for _command in (run, inspect, bench, tune, compile_command, deploy, verify, doctor):
    cli.add_command(_command)
