"""Android devices, through the adb server of this machine."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

from sanderling.devices import adb_protocol as adb
from sanderling.devices.adb_protocol import AdbError
from sanderling.devices.connection import FOLDER_LINE, Answer, Connection, keeper, quoted
from sanderling.devices.url import Url
from sanderling.errors import DeviceError

logger = logging.getLogger(__name__)

_OLDEST = 30  # version of the server's protocol that has the shell's version 2


class AdbConnection(Connection):
    """Commands and files through the server; the keeper is a shell that lives as long as the connection.

    Parameters
    ----------
    url : Url
        adb://serial, or adb:// for the only device.
    """

    def __init__(self, url: Url) -> None:
        super().__init__(url)
        self._serial = url.host
        self._keeper: adb.Stream | None = None

    def _open(self) -> str:
        try:
            version = int(adb.ask("host:version"), 16)
            if version < _OLDEST:
                raise self.error(f"the adb server is too old (version {version}); install a newer platform-tools")
            self._choose()
            features = adb.ask(f"host-serial:{self._serial}:features").split(",")
            if "shell_v2" not in features:
                raise self.error("its adb has no shell protocol version 2; Android 7 or later is needed")
            self._keeper = adb.service(self._serial, f"shell,v2,raw:{keeper()}")
        except (AdbError, ValueError) as e:
            raise self._refused(str(e)) from None
        return self._folder(self._keeper)

    def _choose(self) -> None:
        """See that the device is there and lets us in."""
        listed = adb.ask("host:devices")
        found = dict(line.split("\t", 1) for line in listed.splitlines() if "\t" in line)
        names = ", ".join(f"{serial} ({state})" for serial, state in found.items()) or "none"
        if not self._serial:
            if len(found) != 1:
                raise self.error(f"one attached device expected; there are: {names}")
            self._serial = next(iter(found))
        state = found.get(self._serial)
        if state is None:
            raise self.error(f"no such device at the adb server; there are: {names}")
        if state == "unauthorized":
            raise self.error("it does not trust this machine yet: unlock its screen and allow USB debugging")
        if state not in ("device", "recovery"):
            raise self.error(f"the adb server says it is {state}; plug it in again, or: adb reconnect")

    def _folder(self, stream: adb.Stream) -> str:
        out, err = b"", b""
        try:
            while True:
                kind, data = stream.packet()
                if kind == adb.STDOUT:
                    out += data
                elif kind == adb.STDERR:
                    err += data
                elif kind == adb.EXIT:
                    break
                for line in out.decode("utf-8", "replace").split("\n")[:-1]:
                    if line.startswith(FOLDER_LINE):
                        return line.removeprefix(FOLDER_LINE).rstrip("\r")
        except AdbError as e:
            raise self._refused(str(e)) from None
        raise self.error(f"no folder there takes programs (/data/local/tmp is full or not writable?): "
                         f"{err.decode('utf-8', 'replace').strip()}")  # fmt: skip

    def _close(self) -> None:
        stream, self._keeper = self._keeper, None
        if stream is None:
            return
        with suppress(AdbError, OSError):
            stream.send_packet(adb.CLOSE_STDIN)
            # It has removed the folder when it ends.
            stream.patient(10.0)
            while stream.packet()[0] != adb.EXIT:
                pass
        stream.close()

    def _sign(self) -> None:
        assert self._keeper is not None
        try:
            self._keeper.send_packet(adb.STDIN, b"\n")
        except AdbError as e:
            raise self._lost(e, "a sign of life was sent") from None

    def run(self, script: str) -> Answer:
        logger.debug("%s: %s", self.url.text, script)
        out: dict[int, list[bytes]] = {adb.STDOUT: [], adb.STDERR: []}
        try:
            # Nothing is sent: a server that closes with something unread resets the connection, and output is lost.
            words = f"exec sh -c {quoted('LC_ALL=C; export LC_ALL; ' + script)} </dev/null"
            shell = adb.service(self._serial, f"shell,v2,raw:{words}")
            try:
                while True:
                    kind, data = shell.packet()
                    if kind == adb.EXIT and data:
                        break
                    if kind in out:
                        out[kind].append(data)
            finally:
                shell.close()
        except AdbError as e:
            raise self._lost(e, "a command ran") from None
        texts = [b"".join(out[kind]).decode("utf-8", "replace") for kind in (adb.STDOUT, adb.STDERR)]
        return Answer(data[0], texts[0], texts[1])

    def push(self, source: Path, target: str) -> None:
        size = source.stat().st_size
        try:
            sync = adb.service(self._serial, "sync:")
            try:
                adb.send_file(sync, source, target, 0o100700)
                there = adb.file_size(sync, target)
            finally:
                sync.close()
        except AdbError as e:
            if e.refused and "not found" not in str(e):
                raise self.write_error(source, target, str(e)) from None
            raise self._lost(e, f"{source.name} was copied") from None
        if there != size & 0xFFFFFFFF:
            raise self.error(f"{source.name} came there with {there} bytes, not {size}")
        # Not every device keeps the mode that it is told.
        self.run(f"chmod 700 {quoted(target)}")

    def _lost(self, error: AdbError, doing: str) -> DeviceError:
        return self.error(f"the connection was lost while {doing} ({error}); see to the cable, and try again")

    def _refused(self, reason: str) -> DeviceError:
        return self.error(f"no connection: {reason}" if reason else "no connection")
