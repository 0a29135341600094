"""`sanderling deploy`: put models and the program that runs them on a device."""

from __future__ import annotations

from contextlib import ExitStack

import click

from sanderling.cli.device_bench import device_options
from sanderling.cli.terminal import plain, print_json, progress
from sanderling.devices import deployment
from sanderling.devices.binaries import PROGRAM
from sanderling.devices.connection import quoted
from sanderling.devices.session import Settings, compiled
from sanderling.devices.url import Url
from sanderling.errors import DeviceError


@click.command(short_help="Put models on a device, or take them away.")
@click.argument("models", metavar="MODEL...", nargs=-1)
@device_options
@click.option("--to", "folder", metavar="DIR",
              help="Folder there; default: sanderling in the home folder, on Android in /data/local/tmp.")  # fmt: skip
@click.option("--remove", is_flag=True, help="Take away these models (NAME.sand), or all that was deployed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")
def deploy(
    models: tuple[str, ...],
    devices: list[Url],
    binaries: str | None,
    ssh_config: str | None,
    folder: str | None,
    remove: bool,
    as_json: bool,
) -> int:
    """Put MODEL, compiled, and sanderling-bench on a device to stay, after its outputs were checked there."""
    if not devices:
        raise click.UsageError("where to? --device ssh://user@host, for instance")
    if not models and not remove:
        raise click.UsageError("Missing argument 'MODEL...'.")
    settings = Settings(binaries=binaries, ssh_config=ssh_config)
    rows, failed = [], False
    with ExitStack() as stack:
        ready = []
        if not remove:
            with progress("compiling"):
                ready = [stack.enter_context(compiled(m)) for m in models]
            if len({m.name for m in ready}) < len(ready):
                raise click.UsageError("two of the models have the same name")
        for url in devices:
            try:
                with progress(url.text):
                    if remove:
                        done = deployment.remove(url, [_compiled_name(m) for m in models], settings, folder)
                    else:
                        done = deployment.deploy(url, ready, settings, folder)
            except DeviceError as e:
                click.echo("sanderling: " + plain(" ".join(str(e).split())), err=True)
                failed = True
                continue
            rows.append({"device": url.text, "folder": done.folder, "files": list(done.files), "removed": remove})
            if not as_json:
                what = "removed from" if remove else "in"
                click.echo(plain(f"{url.text}: {', '.join(done.files)} {what} {done.folder}"))
                if not remove:
                    example = quoted(f"{done.folder}/{PROGRAM}", f"{done.folder}/{done.files[1]}")
                    click.echo(plain(f"  there: {example}"))
    if as_json and rows:
        print_json(rows)
    return 1 if failed else 0


def _compiled_name(model: str) -> str:
    """The name under which `deploy` puts a model."""
    name = model.rpartition("/")[2]
    stem, dot, suffix = name.rpartition(".")
    return name if suffix == "sand" or name == PROGRAM else f"{stem if dot else name}.sand"
