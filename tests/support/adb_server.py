"""An adb server with one device behind it, speaking the real protocol; the device's shell is this machine's."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

from tests.support.programs import left

STDIN, STDOUT, STDERR, EXIT, CLOSE_STDIN = range(5)


class Lost(Exception):
    """The client went away, or the device did."""


class AdbServer:
    """A server on a free port of loopback.

    Parameters
    ----------
    room : Path
        A folder of its own.
    devices : dict
        Serials and states.
    features : str
        Of the devices.
    version : int
        Of the protocol.
    """

    def __init__(self, room: Path, devices: dict[str, str], features: str = "cmd,shell_v2", version: int = 41) -> None:
        self.room, self.devices, self.features, self.version = room, devices, features, version
        self.temporary, self.home, self.bin = (room / n for n in ("tmp", "home", "bin"))
        for folder in (self.temporary, self.home, self.bin):
            folder.mkdir(parents=True)
        self.space: int | None = None
        """Bytes that `sync:` can still write."""
        self.stall: int | None = None
        """Bytes of a file after which the device vanishes."""
        self.requests: list[str] = []
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def __enter__(self) -> AdbServer:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.unplug()

    def tool(self, name: str, script: str) -> None:
        """Put another program in front of one of the device's."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def unplug(self) -> None:
        """Take all devices away: connections end, and the input of what runs there."""
        self.devices = {}
        with self._lock:
            for s in self._open:
                with suppress(OSError):
                    s.shutdown(socket.SHUT_RDWR)
            for process in self._running:
                assert process.stdin is not None
                process.stdin.close()

    def left(self) -> list[str]:
        """What is left on the device, see `programs.left`."""
        return left(self.temporary)

    def _accept(self) -> None:
        while True:
            try:
                s, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.add(s)
            threading.Thread(target=self._serve, args=(s,), daemon=True).start()

    def _serve(self, s: socket.socket) -> None:
        try:
            while self._host(s, _request(s, self.requests)):
                pass
        except (Lost, OSError):
            pass
        finally:
            with self._lock:
                self._open.discard(s)
            s.close()

    def _host(self, s: socket.socket, request: str) -> bool:
        """Answer a request to the server; whether another one follows on this connection."""
        if request == "host:version":
            _okay(s, f"{self.version:04x}")
        elif request == "host:devices":
            _okay(s, "".join(f"{serial}\t{state}\n" for serial, state in self.devices.items()))
        elif request == "host:host-features":
            _okay(s, self.features)
        elif request.startswith("host-serial:") and request.endswith(":features"):
            if self._chosen(s, request.removeprefix("host-serial:").removesuffix(":features")):
                _okay(s, self.features)
        elif request.startswith("host:tport:serial:"):
            if self._chosen(s, request.removeprefix("host:tport:serial:")):
                s.sendall(b"OKAY" + struct.pack("<Q", 1))
                return self._device(s, _request(s, self.requests))
        elif request.startswith("host:transport:"):
            if self._chosen(s, request.removeprefix("host:transport:")):
                s.sendall(b"OKAY")
                return self._device(s, _request(s, self.requests))
        else:
            _fail(s, f"unknown host service '{request}'")
        return False

    def _chosen(self, s: socket.socket, serial: str) -> bool:
        state = self.devices.get(serial)
        if state == "device":
            return True
        _fail(s, f"device '{serial}' not found" if state is None else f"device {state}")
        return False

    def _device(self, s: socket.socket, request: str) -> bool:
        name, _, argument = request.partition(":")
        if name.startswith("shell,v2"):
            s.sendall(b"OKAY")
            self._shell(s, argument)
        elif name == "sync":
            s.sendall(b"OKAY")
            self._sync(s)
        else:
            _fail(s, "closed")
        return False

    def _shell(self, s: socket.socket, command: str) -> None:
        environment = {
            **os.environ,
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "TMPDIR": str(self.temporary),
            "HOME": str(self.home),
        }
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            ["sh", "-c", command], stdin=pipe, stdout=pipe, stderr=pipe, env=environment, cwd=self.room
        )
        assert process.stdin is not None
        with self._lock:
            self._running.add(process)
        sending = threading.Lock()

        def pump(kind: int) -> None:
            stream = process.stdout if kind == STDOUT else process.stderr
            assert stream is not None
            with stream:
                while block := os.read(stream.fileno(), 30000):
                    with sending:
                        try:
                            s.sendall(struct.pack("<BI", kind, len(block)) + block)
                        except OSError:
                            return

        def feed() -> None:
            assert process.stdin is not None
            with suppress(Lost, OSError, ValueError):
                while True:
                    kind, length = struct.unpack("<BI", _receive(s, 5))
                    data = _receive(s, length)
                    if kind == CLOSE_STDIN:
                        process.stdin.close()
                    elif kind == STDIN:
                        process.stdin.write(data)
                        process.stdin.flush()
            process.stdin.close()

        pumps = [threading.Thread(target=pump, args=(kind,), daemon=True) for kind in (STDOUT, STDERR)]
        for thread in pumps:
            thread.start()
        feeder = threading.Thread(target=feed, daemon=True)
        feeder.start()
        code = process.wait()
        for thread in pumps:
            thread.join()
        with self._lock:
            self._running.discard(process)
        # As adbd does: 128 + the signal. Then all is read that was sent, lest closing resets the connection.
        s.sendall(struct.pack("<BIB", EXIT, 1, code if code >= 0 else 128 - code))
        s.shutdown(socket.SHUT_WR)
        feeder.join(5)

    def _sync(self, s: socket.socket) -> None:
        while True:
            what, length = struct.unpack("<4sI", _receive(s, 8))
            if what == b"QUIT":
                return
            path = _receive(s, length).decode()
            if what == b"STAT":
                try:
                    found = os.stat(path)
                    s.sendall(b"STAT" + struct.pack("<III", found.st_mode, found.st_size, int(found.st_mtime)))
                except OSError:
                    s.sendall(b"STAT" + bytes(12))
            elif what == b"SEND":
                self._receive_file(s, *path.rsplit(",", 1))
            else:
                s.sendall(_sync_fail(f"unknown sync command {what!r}"))
                return

    def _receive_file(self, s: socket.socket, path: str, mode: str) -> None:
        written = 0
        try:
            file = open(path, "wb")  # noqa: SIM115
        except OSError as e:
            s.sendall(_sync_fail(f"couldn't create file: {e.strerror}"))
            raise Lost from None
        with file:
            while True:
                what, length = struct.unpack("<4sI", _receive(s, 8))
                if what == b"DONE":
                    break
                assert what == b"DATA"
                assert length <= 65536
                data = _receive(s, length)
                if self.space is not None and written + length > self.space:
                    os.unlink(path)
                    s.sendall(_sync_fail("write failed: No space left on device"))
                    # As adbd does: what was not read would take the message with it.
                    while what != b"DONE":
                        what, length = struct.unpack("<4sI", _receive(s, 8))
                        if what == b"DATA":
                            _receive(s, length)
                    raise Lost
                file.write(data)
                written += length
                if self.stall is not None and written > self.stall:
                    self.unplug()
                    raise Lost
        os.chmod(path, int(mode) & 0o777)
        s.sendall(b"OKAY" + bytes(4))


def _receive(s: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = s.recv(count - len(data))
        if not part:
            raise Lost
        data += part
    return data


def _request(s: socket.socket, log: list[str]) -> str:
    text = _receive(s, int(_receive(s, 4), 16)).decode()
    log.append(text)
    return text


def _okay(s: socket.socket, text: str) -> None:
    s.sendall(b"OKAY" + f"{len(text.encode()):04x}{text}".encode())


def _fail(s: socket.socket, text: str) -> None:
    s.sendall(b"FAIL" + f"{len(text.encode()):04x}{text}".encode())


def _sync_fail(text: str) -> bytes:
    return b"FAIL" + struct.pack("<I", len(text)) + text.encode()
