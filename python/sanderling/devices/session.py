"""One visit to a device: ship, check, measure, and leave nothing."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sanderling.devices.adb import AdbConnection
from sanderling.devices.binaries import PROGRAM, Binary, find_binary, folders
from sanderling.devices.connection import Answer, Connection, quoted
from sanderling.devices.probe import Identity, identity, state
from sanderling.devices.qemu import QemuConnection
from sanderling.devices.ssh import SshConnection
from sanderling.devices.trust import doubts
from sanderling.devices.url import Url
from sanderling.errors import DeviceError

Told = Callable[[str], None]


@dataclass(frozen=True)
class Settings:
    """How to measure, and where things are.

    Attributes
    ----------
    threads : sequence of int or None
        Thread counts, one measurement each; None: one for each big core.
    cores : sequence of int, optional
        Cores for the threads, one each.
    isa : str, optional
        Instruction set of the kernels.
    fp16 : bool
        Let float layers compute in fp16; outputs are not compared where some do.
    seconds : float
        How long to measure.
    runs : int, optional
        Runs to measure, instead of `seconds`.
    warm_up : int, optional
        Runs that do not count; default: for 0.3 s.
    binaries : path, optional
        Folder with the programs for devices.
    ssh_config : str, optional
        A file for `ssh -F`.
    """

    threads: Sequence[int | None] = (None,)
    cores: Sequence[int] | None = None
    isa: str | None = None
    seconds: float = 2.0
    runs: int | None = None
    warm_up: int | None = None
    binaries: str | None = None
    ssh_config: str | None = None
    fp16: bool = False


def connect(url: Url, settings: Settings) -> Connection:
    """Return a connection that is not open yet."""
    if url.scheme == "ssh":
        return SshConnection(url, settings.ssh_config)
    return AdbConnection(url) if url.scheme == "adb" else QemuConnection(url)


@contextmanager
def compiled(model: str | os.PathLike[str]) -> Iterator[Path]:
    """Give the compiled form of a model: itself, or a temporary file without packed weights."""
    path = Path(model)
    with open(path, "rb") as file:
        magic = file.read(4)
    if magic == b"\x89SAN":
        yield path
        return
    from sanderling.compiled import compile_model

    with tempfile.TemporaryDirectory(prefix="sanderling-") as room:
        made = Path(room) / (path.stem + ".sand")
        # Another machine's kernels want the weights in an order of their own, which they make at load.
        compile_model(path, made, isas=())
        yield made


def measure(
    url: Url, models: Sequence[tuple[str, Path]], settings: Settings, tell: Told = lambda _: None
) -> list[dict[str, Any]]:
    """Check and time models on a device.

    Parameters
    ----------
    url : Url
        The device.
    models : sequence of (str, Path)
        Names for the report, and compiled models.
    settings : Settings
        How.
    tell : callable
        Is told what is being done.

    Returns
    -------
    list of dict
        A result for each model and thread count, as docs/devices.md says.

    Raises
    ------
    DeviceError
        The device cannot be reached, or cannot do it.
    FileNotFoundError
        The program for the device is not here.
    """
    tell(f"connecting to {url.text}")
    with connect(url, settings) as connection:
        who, program = prepare(connection, settings, [m for _, m in models], tell)
        results = []
        for name, model in models:
            tell(f"copying {model.name} to {url.text}")
            target = f"{connection.folder}/model.sand"
            connection.push(model, target)
            for threads in settings.threads:
                tell(f"{url.text}: {name}")
                before = state(connection)
                bench = run_bench(connection, program, model, _arguments(settings, threads))
                after = state(connection)
                why = doubts(who, before, after, bench, connection.emulator, settings.cores)
                results.append({
                    "device": url.text, "model": name, "identity": asdict(who), "program": program.architecture,
                    "emulator": connection.emulator or None, "cores": settings.cores and list(settings.cores),
                    "before": before.report(), "after": after.report(),
                    "trustworthy": not why, "doubts": why, "bench": {**bench, "model": name},
                })  # fmt: skip
        return results


def prepare(connection: Connection, settings: Settings, models: Sequence[Path], tell: Told) -> tuple[Identity, Binary]:
    """Ship the program that fits the device, and see it start."""
    url = connection.url
    who = identity(connection)
    machine = connection.architecture or who.machine
    try:
        program = find_binary(machine, folders(settings.binaries), android=url.scheme == "adb")
    except FileNotFoundError as e:
        raise connection.error(str(e)) from None
    _check_space(connection, program.path.stat().st_size + max(m.stat().st_size for m in models))
    tell(f"copying {PROGRAM} to {url.text}")
    target = f"{connection.folder}/{PROGRAM}"
    connection.push(program.path, target)
    answer = connection.run(quoted(*connection.launcher, target, "--version"))
    if answer.code != 0 or not answer.out.startswith(PROGRAM):
        raise _failure(connection, program, answer, f"{PROGRAM} --version")
    return who, program


def run_bench(connection: Connection, program: Binary, model: Path, arguments: Sequence[str]) -> dict[str, Any]:
    """Run the program that was shipped on the model that was shipped; return what it says."""
    words = quoted(*connection.launcher, f"./{PROGRAM}", "--json", *arguments, "model.sand")
    answer = connection.run(
        f"cd {quoted(connection.folder)} || exit 1; {words} & p=$!; echo $p >pid; wait $p; c=$?; rm -f pid; exit $c"
    )
    if answer.code != 0:
        # The device ends the program where it heard nothing from us for too long.
        if connection.run(f"[ -d {quoted(connection.folder)} ]").code != 0:
            raise connection.error("the connection was lost for too long while a command ran; try again")
        raise _failure(connection, program, answer, model.name)
    try:
        found = json.loads(answer.out)
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("format") != "sanderling-bench-1" or not found.get("runs_ms"):
        raise connection.error(f"{program.path}: this {PROGRAM} is of another version; build it again")
    return found


def _arguments(settings: Settings, threads: int | None) -> list[str]:
    made = ["--seconds", str(settings.seconds)]
    for option, value in (
        ("--threads", threads),
        ("--isa", settings.isa),
        ("--runs", settings.runs),
        ("--warm-up", settings.warm_up),
        ("--cores", ",".join(map(str, settings.cores)) if settings.cores else None),
    ):
        if value is not None:
            made += [option, str(value)]
    if settings.fp16:
        made.append("--fp16")
    return made


def _check_space(connection: Connection, needed: int) -> None:
    answer = connection.run(f"df -Pk {quoted(connection.folder)}")
    columns = answer.out.strip().splitlines()[-1].split() if answer.code == 0 and answer.out.strip() else []
    if len(columns) >= 4 and columns[3].isdigit() and 1024 * int(columns[3]) < needed:
        raise connection.error(
            f"its disk is full: {needed / 1e6:.1f} MB needed in {connection.folder.rpartition('/')[0]}, "
            f"{1024 * int(columns[3]) / 1e6:.1f} MB free; make room there, or set TMPDIR on the device"
        )


def _failure(connection: Connection, program: Binary, answer: Answer, doing: str) -> DeviceError:
    """Say why a program of ours did not do its work."""
    said = answer.err.lower()
    if answer.code == 132 or "illegal instruction" in said:
        return connection.error(
            f"its CPU lacks an instruction that {program.path} uses (SIGILL); build {PROGRAM} for this CPU's baseline "
            "and name its folder with --binaries"
        )
    ours = [line for line in answer.err.splitlines() if line.startswith(f"{PROGRAM}: ")]
    if ours:
        reason = ours[-1].removeprefix(f"{PROGRAM}: ")
        return connection.error(reason.replace("model.sand", doing, 1))
    if answer.code in (126, 127, 2) or "exec format" in said:
        loader = f", or its loader {program.loader} is not there; link it with -static" if program.loader else ""
        return connection.error(
            f"it cannot execute {program.path}, a program for {program.architecture}{loader} ({answer.reason})"
        )
    if answer.code == 137:
        return connection.error(f"{doing}: the program was killed there; most likely the memory did not suffice")
    return connection.error(f"{doing}: {answer.reason}")
