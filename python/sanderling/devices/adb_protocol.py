"""The protocol of an adb server (Android's SERVICES.TXT, SYNC.TXT): requests, shell version 2, files."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PATIENCE = 10.0
"""Seconds for the server to take a request. What runs on the device takes its time."""

STDIN, STDOUT, STDERR, EXIT, CLOSE_STDIN = range(5)
_BLOCK = 64 * 1024


class AdbError(Exception):
    """The server refused something, or broke off.

    Parameters
    ----------
    message : str
        What the server said.
    refused : bool
        Whether it said so; otherwise the connection was lost.
    """

    def __init__(self, message: str, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


def server_address() -> tuple[str, int]:
    """Return where the server is: as adb's own variables say, else 127.0.0.1:5037."""
    named = os.environ.get("ADB_SERVER_SOCKET", "")
    if named.startswith("tcp:"):
        host, _, port = named.removeprefix("tcp:").rpartition(":")
    else:
        host = os.environ.get("ANDROID_ADB_SERVER_ADDRESS", "")
        port = os.environ.get("ANDROID_ADB_SERVER_PORT", "5037")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise AdbError(f"the adb server's port is {port!r}", True)
    return host or "127.0.0.1", int(port)


class Stream:
    """A connection to the server, for one request or one service of a device."""

    def __init__(self) -> None:
        host, port = server_address()
        try:
            self._socket = socket.create_connection((host, port), _PATIENCE)
        except OSError as e:
            raise AdbError(f"no adb server answers at {host}:{port} ({e.strerror or e}); start it: adb start-server",
                           True) from None  # fmt: skip

    def close(self) -> None:
        """End it."""
        self._socket.close()

    def request(self, text: str) -> None:
        """Ask for a service; raises AdbError where it is refused."""
        data = text.encode()
        if len(data) > 0xFFFF:
            raise AdbError("a command is too long", True)
        self.send(b"%04x" % len(data) + data)
        status = self.receive(4)
        if status == b"FAIL":
            raise AdbError(self.text(), True)
        if status != b"OKAY":
            raise AdbError(f"the server answered {status!r}: not an adb server?", True)

    def text(self) -> str:
        """Receive a text with its length."""
        try:
            length = int(self.receive(4), 16)
        except ValueError:
            raise AdbError("the server broke the protocol") from None
        return self.receive(length).decode("utf-8", "replace")

    def patient(self, seconds: float | None) -> None:
        """Wait so long for an answer from here on; None: without limit."""
        self._socket.settimeout(seconds)

    def send(self, data: bytes) -> None:
        """Send all of it."""
        try:
            self._socket.sendall(data)
        except OSError as e:
            raise AdbError(str(e)) from None

    def receive(self, count: int) -> bytes:
        """Receive exactly so many bytes."""
        parts: list[bytes] = []
        while count:
            try:
                part = self._socket.recv(min(count, _BLOCK))
            except OSError as e:
                raise AdbError(str(e)) from None
            if not part:
                raise AdbError("the connection ended")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def packet(self) -> tuple[int, bytes]:
        """Receive a packet of the shell protocol: what it is, and its content."""
        kind, length = struct.unpack("<BI", self.receive(5))
        if length > 1 << 26:
            raise AdbError("the server broke the protocol")
        return kind, self.receive(length)

    def send_packet(self, kind: int, data: bytes = b"") -> None:
        """Send a packet of the shell protocol."""
        self.send(struct.pack("<BI", kind, len(data)) + data)


@contextmanager
def stream() -> Iterator[Stream]:
    """Give a connection to the server."""
    made = Stream()
    try:
        yield made
    finally:
        made.close()


def ask(text: str) -> str:
    """Return the server's answer to a request that is about no device, or names one."""
    with stream() as s:
        s.request(text)
        return s.text()


def service(serial: str, name: str) -> Stream:
    """Return a connection to a service of a device."""
    made = Stream()
    try:
        made.request(f"host:transport:{serial}")
        made.request(name)
        made.patient(None)
    except BaseException:
        made.close()
        raise
    return made


def send_file(sync: Stream, source: Path, target: str, mode: int) -> None:
    """Send a file through the service `sync:`; AdbError has the device's reason where it refuses."""
    head = f"{target},{mode}".encode()
    try:
        sync.send(b"SEND" + struct.pack("<I", len(head)) + head)
        with open(source, "rb") as file:
            while block := file.read(_BLOCK):
                sync.send(b"DATA" + struct.pack("<I", len(block)) + block)
            sync.send(b"DONE" + struct.pack("<I", int(os.fstat(file.fileno()).st_mtime)))
    except AdbError as lost:
        # A device that refuses says why before it stops to listen.
        try:
            _status(sync)
        except AdbError as e:
            raise (e if e.refused else lost) from None
        raise
    _status(sync)


def file_size(sync: Stream, path: str) -> int:
    """Return the bytes of a file on the device; 0 where there is none."""
    name = path.encode()
    sync.send(b"STAT" + struct.pack("<I", len(name)) + name)
    if sync.receive(4) != b"STAT":
        raise AdbError("the device broke the protocol")
    _, size, _ = struct.unpack("<III", sync.receive(12))
    return int(size)


def _status(sync: Stream) -> None:
    status, length = struct.unpack("<4sI", sync.receive(8))
    if status == b"FAIL":
        raise AdbError(sync.receive(min(length, _BLOCK)).decode("utf-8", "replace"), True)
    if status != b"OKAY":
        raise AdbError("the device broke the protocol")
