"""Models and the program that runs them, put on a device to stay, and taken away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sanderling.devices.binaries import PROGRAM
from sanderling.devices.connection import Connection, quoted
from sanderling.devices.session import Settings, Told, connect, prepare, run_bench
from sanderling.devices.url import Url

LIST = "deployed.txt"
"""The file in the folder that lists what was put there."""


@dataclass(frozen=True)
class Deployed:
    """What is on a device now, or was.

    Attributes
    ----------
    folder : str
        Where, on the device.
    files : tuple of str
        Names in it that were put there, or removed.
    """

    folder: str
    files: tuple[str, ...]


def deploy(url: Url, models: Sequence[Path], settings: Settings, folder: str | None = None,
           tell: Told = lambda _: None) -> Deployed:  # fmt: skip
    """Put compiled models and sanderling-bench on a device, after their outputs were checked there.

    Parameters
    ----------
    url : Url
        The device.
    models : sequence of Path
        Compiled models.
    settings : Settings
        Where the programs are.
    folder : str, optional
        Where to; default: `sanderling` in the home folder, on Android in /data/local/tmp.
    tell : callable
        Is told what is being done.

    Returns
    -------
    Deployed

    Raises
    ------
    DeviceError
        The device cannot be reached, the outputs differ, or the files cannot be put there. Nothing new is left then.
    """
    tell(f"connecting to {url.text}")
    with connect(url, settings) as connection:
        _, program = prepare(connection, settings, models, tell)
        for model in models:
            tell(f"copying {model.name} to {url.text}")
            connection.push(model, f"{connection.folder}/model.sand")
            run_bench(connection, program, model, ["--runs", "1", "--warm-up", "0"])
            connection.run(f"cd {quoted(connection.folder)} && mv model.sand {quoted('checked-' + model.name)}")
        place = _place(connection, folder)
        names = [PROGRAM, *(m.name for m in models)]
        # Copied beside the old files first: what fails leaves those.
        copies = " && ".join(
            f"cp {quoted(f'{connection.folder}/{source}')} {quoted(f'.{name}.new')}"
            for name, source in zip(names, [PROGRAM, *(f"checked-{m.name}" for m in models)], strict=True)
        )
        moves = " && ".join(f"mv -f {quoted(f'.{name}.new')} {quoted(name)}" for name in names)
        listed = " ".join(quoted(n) for n in names)
        clean = quoted(*(f".{n}.new" for n in names), f".{LIST}.new")
        there = quoted(place)
        answer = connection.run(
            f"new=; [ -d {there} ] || new=1; mkdir -p {there} && cd {there} || exit 1; "
            f"{{ {copies} && {{ [ ! -f {LIST} ] || cat {LIST}; printf '%s\\n' {listed}; }} >.{LIST}.list && "
            f"sort -u .{LIST}.list >.{LIST}.new && rm .{LIST}.list && {moves} && mv -f .{LIST}.new {LIST}; }} && "
            f'exit 0; rm -f {clean} .{LIST}.list; [ -z "$new" ] || {{ cd / && rmdir {there}; }}; exit 1'
        )
        if answer.code != 0:
            raise connection.write_error(models[0], f"{place}/x", answer.reason)
        return Deployed(place, tuple(names))


def remove(url: Url, models: Sequence[str], settings: Settings, folder: str | None = None) -> Deployed:
    """Take away what `deploy` put on a device: these models, or all where there are none named.

    The program goes with the last model. Files that `deploy` did not put there stay, and so does the folder then.

    Raises
    ------
    DeviceError
        The device cannot be reached, or nothing of that name was deployed.
    """
    with connect(url, settings) as connection:
        place = _place(connection, folder)
        answer = connection.run(f"cat {quoted(f'{place}/{LIST}')}")
        there = [n for n in answer.out.splitlines() if n and "/" not in n and n not in (".", "..")]
        if answer.code != 0 or not there:
            raise connection.error(f"nothing was deployed into {place}")
        for name in models:
            if name not in there:
                raise connection.error(f"{name} was not deployed into {place}; there are: {', '.join(there)}")
        gone = list(models) or there
        left = [n for n in there if n not in gone]
        if left == [PROGRAM]:
            gone, left = [*gone, PROGRAM], []
        keep = f"printf '%s\\n' {quoted(*left)} >{LIST}" if left else f"rm -f {LIST} && cd / && " + (
            f"{{ rmdir {quoted(place)} 2>/dev/null || true; }}")  # fmt: skip
        answer = connection.run(f"cd {quoted(place)} && rm -f {quoted(*gone)} && {keep}")
        if answer.code != 0:
            raise connection.error(f"the files in {place} cannot be removed: {answer.reason}")
        return Deployed(place, tuple(gone))


def _place(connection: Connection, folder: str | None) -> str:
    """Return the folder for what stays, an absolute path."""
    if folder is not None and folder.startswith("/"):
        return folder.rstrip("/") or "/"
    if connection.url.scheme == "adb":
        home = "/data/local/tmp"
    else:
        home = connection.run('echo "$HOME"').out.strip()
        if not home.startswith("/"):
            raise connection.error("it has no home folder; give an absolute one with --to")
    return f"{home}/{(folder or 'sanderling').rstrip('/')}"
