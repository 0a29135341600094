"""`--device ssh://` against a real OpenSSH server: results, failures, and that nothing is left behind."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import sanderling
from sanderling.devices import connection
from tests.python.test_compiled import classifier, plan_of, sealed
from tests.support import commands
from tests.support.commands import sanderling_
from tests.support.programs import bench_folder, elf
from tests.support.shared import ROOT
from tests.support.ssh_server import SshServer

EFFNET = ROOT / "models" / "effnet_lite0_int8.tflite"
Start = Callable[..., SshServer]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start servers; all are stopped at the end."""
    with ExitStack() as stack:

        def make(**options: Any) -> SshServer:
            return stack.enter_context(SshServer(tmp_path / f"server{time.monotonic_ns()}", **options))

        yield make


def run(command: str, server: SshServer, *args: object, code: int = 0) -> Result:
    return sanderling_(command, "--device", server.url, "--ssh-config", server.config, *args, code=code)


def failure(server: SshServer, model: Path, binaries: Path) -> str:
    """The one line of a measurement that fails; nothing is left."""
    words = ["bench", "--device", server.url, "--ssh-config", server.config, model, "--binaries", binaries, "--runs", 2]
    said = commands.failure(*words, code=1, prefix=f"{server.url}: ")
    assert server.left() == []
    return said


@pytest.mark.parametrize("emulated", [False, True], ids=["native", "emulated"])
def test_bench(start: Start, model: Path, tmp_path: Path, emulated: bool) -> None:
    server = start(emulated=emulated)
    binaries = bench_folder("aarch64" if emulated else platform.machine())
    result = run("bench", server, model, "--binaries", binaries, "--runs", 12, "--warm-up", 2, "--threads", "1,2",
                 "--json", "--html", tmp_path / "page.html")  # fmt: skip
    report = json.loads(result.stdout)
    assert report["format"] == "sanderling-devices-1"
    assert [r["bench"]["threads"] for r in report["results"]] == [1, 2]
    for r in report["results"]:
        assert r["device"] == server.url
        assert r["bench"]["outputs"] == "same"
        assert len(r["bench"]["runs_ms"]) == 12
        assert {s["op"] for s in r["bench"]["steps"]} >= {"CONV_2D", "FULLY_CONNECTED"}
        assert r["identity"]["machine"] == ("aarch64" if emulated else platform.machine())
        assert r["identity"]["allowed_cores"]
    if emulated:
        assert report["results"][0]["identity"]["cpu"] == "Cortex-A72"
        assert report["results"][0]["bench"]["isa"] == "neon"
    assert server.url in (tmp_path / "page.html").read_text()
    assert server.left() == []


def test_long_names_of_temporary_folders(start: Start, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = start()
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        for length in (64, 90):
            folder = short + "/" + "x" * (length - 2 - len(short))
            os.mkdir(folder)
            monkeypatch.setattr(tempfile, "tempdir", folder)
            run("bench", server, model, "--binaries", bench_folder(platform.machine()), "--runs", 1)
    assert server.left() == []


def test_several_models_and_an_earlier_report(start: Start, model: Path, tmp_path: Path) -> None:
    server = start()
    binaries = bench_folder(platform.machine())
    other = tmp_path / "other.sand"
    sanderling.compile_model(classifier(1), other)
    first = run("bench", server, model, "--binaries", binaries, "--runs", 2, "--json").stdout
    (tmp_path / "first.json").write_text(first)
    result = run("bench", server, model, other, "--binaries", binaries, "--runs", 2, "--json", "--with",
                 tmp_path / "first.json")  # fmt: skip
    assert [r["model"] for r in json.loads(result.stdout)["results"]] == ["small.tflite", "small.tflite", "other.sand"]


def test_deploy_and_remove(start: Start, model: Path) -> None:
    server = start()
    binaries = bench_folder(platform.machine())
    place = server.home / "sanderling"
    for _ in range(2):
        said = run("deploy", server, model, "--binaries", binaries).stdout
        assert str(place) in said
        assert sorted(os.listdir(place)) == ["deployed.txt", "sanderling-bench", "small.sand"]
        assert server.left() == []
    subprocess.run(
        [place / "sanderling-bench", "--runs", "1", place / "small.sand"], check=True, stdout=subprocess.DEVNULL
    )
    (place / "mine.txt").write_text("stays")
    assert "other.sand was not deployed" in run("deploy", server, "other.tflite", "--remove", code=1).stderr
    run("deploy", server, model, "--remove")
    assert os.listdir(place) == ["mine.txt"]
    (place / "mine.txt").unlink()
    run("deploy", server, model, "--binaries", binaries)
    run("deploy", server, "--remove")
    assert os.listdir(server.home) == []
    assert "nothing was deployed" in run("deploy", server, "--remove", code=1).stderr
    assert server.left() == []


def test_wrong_outputs(start: Start, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.sand", tmp_path / "bad.sand"
    sanderling.compile_model(classifier(), good)
    golden = sanderling.load(good).ir.golden
    assert golden is not None
    text = golden.outputs[0].encode()
    plan = good.read_bytes()
    assert text in plan

    bad.write_bytes(sealed(plan, plan_of(plan).replace(text, text[::-1])))
    assert "has the SHA-256" in failure(start(), bad, bench_folder(platform.machine()))


def test_lost_connection_while_copying(start: Start, tmp_path: Path) -> None:
    server = start()
    stalled = tmp_path / "stalled"
    server.tool("cat", f'[ $# -gt 0 ] && exec /bin/cat "$@"\nhead -c 100000\n: >{stalled}\nexec sleep 20')
    model = tmp_path / "effnet.sand"
    sanderling.compile_model(EFFNET, model, isas=(), golden_runs=0)

    def cut() -> None:
        while not stalled.exists():
            time.sleep(0.05)
        assert os.listdir(server.temporary) != []
        server.cut()

    thread = threading.Thread(target=cut)
    thread.start()
    said = failure(server, model, bench_folder(platform.machine()))
    thread.join()
    assert "the connection was lost while sanderling-bench was copied" in said


def test_lost_connection_while_running(start: Start, model: Path, tmp_path: Path) -> None:
    server = start()

    def cut() -> None:
        while not list(server.temporary.glob("*/pid")):
            time.sleep(0.02)
        server.cut()

    thread = threading.Thread(target=cut)
    thread.start()
    result = run("bench", server, model, "--binaries", bench_folder(platform.machine()), "--seconds", 60, code=1)
    thread.join()
    assert "the connection was lost while a command ran" in result.stderr
    assert server.left() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_we_are_stopped(start: Start, model: Path, number: signal.Signals) -> None:
    server = start()
    words = ["-m", "sanderling", "bench", model, "--device", server.url, "--ssh-config", server.config, "--binaries",
             bench_folder(platform.machine()), "--seconds", "60"]  # fmt: skip
    with (
        tempfile.TemporaryDirectory() as ours,
        subprocess.Popen(
            [sys.executable, *map(str, words)],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": ours},
            # A shell starts what runs in its background with interruptions ignored, and so would this be.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        ) as process,
    ):
        while not list(server.temporary.glob("*/pid")):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        assert number == signal.SIGKILL or os.listdir(ours) == []
    assert said.strip() == ("sanderling: interrupted" if number == signal.SIGINT else "")
    assert server.left() == []


def test_network_falls_silent(start: Start, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PATIENCE", 2)
    server = start()
    left: list[str] = []

    def silence() -> None:
        while not list(server.temporary.glob("*/pid")):
            time.sleep(0.02)
        time.sleep(5)
        assert os.listdir(server.temporary) != [], "it is not the signs of life that are missing yet"
        masters = [p for p in Path("/proc").glob("[0-9]*") if _is_master(p, server)]
        for p in masters:
            os.kill(int(p.name), signal.SIGSTOP)
        left.extend(server.left() if len(masters) == 1 else ["no master"])
        for p in masters:
            os.kill(int(p.name), signal.SIGCONT)

    thread = threading.Thread(target=silence)
    thread.start()
    result = run("bench", server, model, "--binaries", bench_folder(platform.machine()), "--seconds", 60, code=1)
    thread.join()
    assert left == []
    assert "the connection was lost" in result.stderr


def _is_master(process: Path, server: SshServer) -> bool:
    try:
        words = (process / "cmdline").read_bytes().decode().split("\0")
    except OSError:
        return False
    return words[0] == "ssh" and "-M" in words and str(server.config) in words


def test_throttled_pi(start: Start, model: Path, tmp_path: Path) -> None:
    server = start()
    flags = tmp_path / "flags"
    server.tool("vcgencmd", f"if [ -e {flags} ]; then echo throttled=0x50000; else : >{flags}; echo throttled=0x0; fi")
    result = run("bench", server, model, "--binaries", bench_folder(platform.machine()), "--runs", 2, "--json")
    (found,) = json.loads(result.stdout)["results"]
    assert (found["before"]["throttled"], found["after"]["throttled"]) == ("0x0", "0x50000")
    assert not found["trustworthy"]
    assert "the firmware held it back: under-voltage, throttled" in found["doubts"]


def test_folder_that_cannot_be_deployed_into(start: Start, model: Path) -> None:
    server = start()
    binaries = bench_folder(platform.machine())
    said = run("deploy", server, model, "--binaries", binaries, "--to", "/dev/null/x", code=1).stderr
    assert "cannot be written into /dev/null/x" in said
    server.tool("sort", "echo no memory >&2; exit 2")
    assert "no memory" in run("deploy", server, model, "--binaries", binaries, code=1).stderr
    assert os.listdir(server.home) == []
    assert server.left() == []


def test_file_limit(start: Start, tmp_path: Path, model: Path) -> None:
    # In units of 512 bytes: the keeper's script fits, the program does not.
    server = start(limits="ulimit -f 100")
    assert "larger than the user's limit" in failure(server, model, bench_folder(platform.machine()))


@pytest.mark.parametrize("told", [True, False], ids=["told", "found"])
def test_full_disk(start: Start, model: Path, told: bool) -> None:
    server = start()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", server.temporary], capture_output=True
    ).returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        if not told:
            server.tool("df", "exit 1")
        said = failure(server, model, bench_folder(platform.machine()))
    finally:
        subprocess.run(["umount", server.temporary], check=True)
    assert "its disk is full" in said
    assert "make room" in said


def test_changed_host_key(start: Start, model: Path, tmp_path: Path) -> None:
    server = SshServer(tmp_path / "server")
    server.make_key("host_key")
    with server:
        said = failure(server, model, tmp_path)
    assert "its host key is not the one that is known" in said
    assert f"ssh-keygen -R '[127.0.0.1]:{server.port}'" in said


def test_unknown_host_key(start: Start, model: Path, tmp_path: Path) -> None:
    server = start()
    (server.room / "known_hosts").write_text("")
    assert "its host key is not known; connect once and compare it: ssh -p" in failure(server, model, tmp_path)


def test_refused_user(start: Start, model: Path, tmp_path: Path) -> None:
    server = start()
    server.make_key("user_key")
    assert "ssh-copy-id" in failure(server, model, tmp_path)


def test_no_server(model: Path, tmp_path: Path) -> None:
    assert "there is no SSH server" in failure(SshServer(tmp_path / "server"), model, tmp_path)


def test_no_program_for_the_device(start: Start, model: Path, tmp_path: Path) -> None:
    server = start()
    server.tool("uname", "echo aarch64")
    empty = tmp_path / "empty"
    empty.mkdir()
    said = failure(server, model, empty)
    assert "python cross/build.py musl-aarch64" in said
    server.tool("uname", "echo riscv64")
    assert "riscv64" in failure(server, model, empty)


def test_program_of_another_architecture(start: Start, model: Path, tmp_path: Path) -> None:
    if platform.machine() == "aarch64":
        pytest.skip("this machine would run it")
    server = start()
    server.tool("uname", "echo aarch64")
    elf(tmp_path / "bins", 183, bytes.fromhex("a80b80d2 000080d2 010000d4"))
    assert "it cannot execute" in failure(server, model, tmp_path / "bins")


def test_missing_instruction(start: Start, model: Path, tmp_path: Path) -> None:
    machine, code = {"x86_64": (62, b"\x0f\x0b"), "aarch64": (183, bytes(4))}[platform.machine()]
    elf(tmp_path / "bins", machine, code)
    said = failure(start(), model, tmp_path / "bins")
    assert "its CPU lacks an instruction" in said
    assert "SIGILL" in said


def test_folders_that_take_no_programs(start: Start, model: Path, tmp_path: Path) -> None:
    server = start()
    server.tool("mktemp", "exit 1")
    assert "no folder there takes programs" in failure(server, model, tmp_path)
