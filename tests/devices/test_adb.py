"""`--device adb://` against a server that speaks the real protocol, and against the real server without devices.

The real `adb` talks to our server, too: what the server of the tests understands is not only what we say.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from sanderling.devices import adb_protocol
from tests.support import commands
from tests.support.adb_server import AdbServer
from tests.support.commands import sanderling_
from tests.support.programs import bench_folder, elf, program

SERIAL = "R58M123ABC"
Start = Callable[..., AdbServer]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a server, where `adb` finds it."""
    monkeypatch.delenv("ADB_SERVER_SOCKET", raising=False)
    monkeypatch.delenv("ANDROID_ADB_SERVER_ADDRESS", raising=False)
    with ExitStack() as stack:

        def make(devices: dict[str, str] | None = None, **options: Any) -> AdbServer:
            server = AdbServer(tmp_path / "device", {SERIAL: "device"} if devices is None else devices, **options)
            monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(server.port))
            return stack.enter_context(server)

        yield make


def run(command: str, *args: object, code: int = 0, url: str = f"adb://{SERIAL}") -> Result:
    return sanderling_(command, "--device", url, *args, code=code)


def failure(model: Path, binaries: Path, url: str = f"adb://{SERIAL}") -> str:
    """The one line of a measurement that fails."""
    words = ["bench", "--device", url, model, "--binaries", binaries, "--runs", 2]
    return commands.failure(*words, code=1, prefix=f"{url}: ")


@pytest.mark.parametrize("url", [f"adb://{SERIAL}", "adb://"], ids=["named", "only"])
def test_bench(start: Start, model: Path, url: str) -> None:
    server = start()
    server.tool("getprop", "case $1 in *model) echo One;; *manufacturer) echo Acme;; *release) echo 14;; esac")
    binaries = bench_folder(platform.machine(), android=True)
    result = run("bench", model, "--binaries", binaries, "--runs", 12, "--json", url=url)
    (found,) = json.loads(result.stdout)["results"]
    assert found["bench"]["outputs"] == "same"
    assert len(found["bench"]["runs_ms"]) == 12
    assert found["identity"]["board"] == "Acme One"
    assert found["identity"]["system"] == "Android 14"
    assert server.left() == []


def test_deploy_and_remove(start: Start, model: Path) -> None:
    server = start()
    place = server.home / "models"
    run("deploy", model, "--binaries", bench_folder(platform.machine(), android=True), "--to", place)
    assert sorted(os.listdir(place)) == ["deployed.txt", "sanderling-bench", "small.sand"]
    run("deploy", "--remove", "--to", place)
    assert os.listdir(server.home) == []
    assert server.left() == []


def test_no_server(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as s:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(s.getsockname()[1]))
    said = failure(model, tmp_path)
    assert "no adb server answers" in said
    assert said.endswith("start it: adb start-server")


def test_something_else_than_a_server(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as s:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(s.getsockname()[1]))

        def answer() -> None:
            connection, _ = s.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert "not an adb server" in failure(model, tmp_path)
        thread.join()


@pytest.mark.parametrize(
    ("devices", "url", "said"),
    [
        ({"A": "device"}, "adb://B", "no such device at the adb server; there are: A (device)"),
        ({}, "adb://B", "no such device at the adb server; there are: none"),
        ({}, "adb://", "one attached device expected; there are: none"),
        ({"A": "device", "B": "offline"}, "adb://", "there are: A (device), B (offline)"),
        ({"A": "unauthorized"}, "adb://A", "unlock its screen and allow USB debugging"),
        ({"A": "offline"}, "adb://A", "adb reconnect"),
    ],
)
def test_devices_that_cannot_be_used(
    start: Start, model: Path, tmp_path: Path, devices: dict[str, str], url: str, said: str
) -> None:
    start(devices)
    assert said in failure(model, tmp_path, url)


def test_old_devices_and_servers(start: Start, model: Path, tmp_path: Path) -> None:
    server = start(features="cmd")
    assert "Android 7" in failure(model, tmp_path)
    server.version = 20
    assert "too old" in failure(model, tmp_path)


@pytest.mark.parametrize("program_bytes", [100_000, 0])
def test_full_disk(start: Start, model: Path, program_bytes: int) -> None:
    server = start()
    server.space = program_bytes
    said = failure(model, bench_folder(platform.machine(), android=True))
    assert "its disk is full: sanderling-bench" in said
    assert server.left() == []


def test_too_little_space(start: Start, model: Path) -> None:
    server = start()
    server.tool("df", "echo Filesystem 1024-blocks Used Available; echo /dev/block/dm-5 1000 900 100")
    said = failure(model, bench_folder(platform.machine(), android=True))
    assert "its disk is full" in said
    assert "0.1 MB free" in said
    assert server.left() == []


def test_unplugged_while_copying(start: Start, model: Path) -> None:
    server = start()
    server.stall = 100_000
    said = failure(model, bench_folder(platform.machine(), android=True))
    assert "the connection was lost while sanderling-bench was copied" in said
    assert server.left() == []


def test_unplugged_while_running(start: Start, model: Path) -> None:
    server = start()

    def unplug() -> None:
        end = time.monotonic() + 60
        while not list(server.temporary.glob("*/pid")) and time.monotonic() < end:
            time.sleep(0.02)
        server.unplug()

    thread = threading.Thread(target=unplug)
    thread.start()
    result = run("bench", model, "--binaries", bench_folder(platform.machine(), android=True), "--seconds", 60, code=1)
    thread.join()
    assert "the connection was lost while a command ran" in result.stderr
    assert server.left() == []


def test_missing_instruction(start: Start, model: Path, tmp_path: Path) -> None:
    server = start()
    machine, code = {"x86_64": (62, b"\x0f\x0b"), "aarch64": (183, bytes(4))}[platform.machine()]
    elf(tmp_path / "bins", machine, code)
    assert "its CPU lacks an instruction" in failure(model, tmp_path / "bins")
    assert server.left() == []


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({}, ("127.0.0.1", 5037)),
        ({"ANDROID_ADB_SERVER_PORT": "6000"}, ("127.0.0.1", 6000)),
        ({"ANDROID_ADB_SERVER_ADDRESS": "10.0.0.2"}, ("10.0.0.2", 5037)),
        ({"ADB_SERVER_SOCKET": "tcp:7000"}, ("127.0.0.1", 7000)),
        ({"ADB_SERVER_SOCKET": "tcp:10.0.0.3:7000", "ANDROID_ADB_SERVER_PORT": "1"}, ("10.0.0.3", 7000)),
        ({"ANDROID_ADB_SERVER_PORT": "x"}, None),
        ({"ANDROID_ADB_SERVER_PORT": "0"}, None),
    ],
)
def test_address(variables: dict[str, str], address: tuple[str, int] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ADB_SERVER_SOCKET", "ANDROID_ADB_SERVER_ADDRESS", "ANDROID_ADB_SERVER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if address is None:
        with pytest.raises(adb_protocol.AdbError, match="port"):
            adb_protocol.server_address()
    else:
        assert adb_protocol.server_address() == address


def test_real_server(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adb = program("adb", "adb")
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = str(s.getsockname()[1])
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", port)
    monkeypatch.setenv("HOME", str(tmp_path))  # adb puts its keys there
    # No mDNS, no USB: only this server is asked.
    monkeypatch.setenv("ADB_MDNS", "0")
    subprocess.run([adb, "-P", port, "start-server"], check=True, capture_output=True, timeout=60)
    try:
        assert "no such device at the adb server" in failure(model, tmp_path, "adb://no-such-serial")
        with pytest.raises(adb_protocol.AdbError, match="not found"):
            adb_protocol.service("no-such-serial", "sync:")
        with pytest.raises(adb_protocol.AdbError, match="not found"):
            adb_protocol.ask("host-serial:no-such-serial:features")
    finally:
        subprocess.run([adb, "-P", port, "kill-server"], check=True, capture_output=True, timeout=60)


def test_real_client_on_our_server(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adb = program("adb", "adb")
    monkeypatch.setenv("HOME", str(tmp_path))
    server = start()
    target = server.home / "file"
    source = tmp_path / "source"
    source.write_bytes(os.urandom(200_000))

    def real(*words: object) -> subprocess.CompletedProcess[str]:
        command = [adb, "-P", str(server.port), *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)

    assert SERIAL in real("devices").stdout
    shell = real("-s", SERIAL, "shell", "echo out; echo err >&2; exit 7")
    assert (shell.returncode, shell.stdout, shell.stderr) == (7, "out\n", "err\n")
    pushed = real("-s", SERIAL, "push", source, target)
    assert pushed.returncode == 0, pushed.stdout + pushed.stderr
    assert target.read_bytes() == source.read_bytes()
    server.space = 1000
    refused = real("-s", SERIAL, "push", source, target)
    assert refused.returncode != 0
    assert "No space left on device" in refused.stdout + refused.stderr
