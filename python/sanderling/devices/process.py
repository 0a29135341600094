"""Devices that are reached through a program of this machine."""

from __future__ import annotations

import logging
import os
import subprocess
import tempfile
from abc import abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import IO

from sanderling.devices.connection import FOLDER_LINE, Answer, Connection, keeper, quoted
from sanderling.devices.url import Url
from sanderling.errors import DeviceError

logger = logging.getLogger(__name__)

_PATIENCE = 10.0
"""Seconds for the keeper to remove its folder."""


class ProcessConnection(Connection):
    """Runs each command in a process of its own, and the keeper in one that lives as long as the connection."""

    def __init__(self, url: Url) -> None:
        super().__init__(url)
        self._keeper: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None

    @abstractmethod
    def _keeper_command(self) -> list[str]:
        """What runs a script and stays connected; the script comes last."""

    @abstractmethod
    def _command(self) -> list[str]:
        """What runs a script while the keeper runs; the script comes last."""

    @abstractmethod
    def _refused(self, errors: str) -> DeviceError:
        """Explain why the keeper did not start."""

    def _lost(self, answer: Answer) -> bool:
        """Whether the command ended because the connection did."""
        return False

    def _open(self) -> str:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        # A session of its own: Ctrl-C is for us, and we end the keeper.
        self._keeper = subprocess.Popen(
            [*self._keeper_command(), keeper()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, env=_environment(),
            start_new_session=True,
        )  # fmt: skip
        assert self._keeper.stdout is not None
        # Start-up files of a shell may print something first.
        for line in self._keeper.stdout:
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            if text.startswith(FOLDER_LINE):
                return text.removeprefix(FOLDER_LINE)
        self._keeper.wait()
        self._errors.seek(0)
        errors = self._errors.read().decode("utf-8", "replace")
        logger.debug("%s: %s", self.url.text, errors.strip())
        if "no folder to put programs into" in errors:
            raise self.error(
                "no folder there takes programs (full, read-only or mounted noexec: /tmp, /var/tmp, the home folder); "
                "set TMPDIR on the device"
            )
        raise self._refused(errors)

    def _close(self) -> None:
        if self._keeper is not None:
            assert self._keeper.stdin is not None
            assert self._keeper.stdout is not None
            with suppress(OSError):
                self._keeper.stdin.close()
            try:
                self._keeper.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self._keeper.kill()
                self._keeper.wait()
            self._keeper.stdout.close()
            self._keeper = None
        if self._errors is not None:
            self._errors.close()
            self._errors = None

    def _sign(self) -> None:
        assert self._keeper is not None
        assert self._keeper.stdin is not None
        self._keeper.stdin.write(b"\n")
        self._keeper.stdin.flush()

    def _run(self, script: str, source: IO[bytes] | int, doing: str) -> Answer:
        logger.debug("%s: %s", self.url.text, script)
        done = subprocess.run(
            [*self._command(), f"exec sh -c {quoted('LC_ALL=C; export LC_ALL; ' + script)}"],
            stdin=source, capture_output=True, env=_environment(), start_new_session=True,
        )  # fmt: skip
        code = done.returncode if done.returncode >= 0 else 128 - done.returncode
        answer = Answer(code, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))
        if self._keeper is None or self._keeper.poll() is not None or self._lost(answer):
            raise self.error(f"the connection was lost while {doing}; see whether the device still runs, and try again")
        return answer

    def run(self, script: str) -> Answer:
        return self._run(script, subprocess.DEVNULL, "a command ran")

    def push(self, source: Path, target: str) -> None:
        to = quoted(target)
        with open(source, "rb") as file:
            answer = self._run(f"cat >{to} && chmod 700 {to} && wc -c <{to}", file, f"{source.name} was copied")
        if answer.code != 0:
            # What the shell says of a signal is not always there.
            reason = "File size limit exceeded" if answer.code == 153 else answer.reason
            raise self.write_error(source, target, reason)
        if answer.out.strip() != str(source.stat().st_size):
            raise self.error(f"{source.name} came there with {answer.out.strip()!r} bytes, not "
                             f"{source.stat().st_size}")  # fmt: skip


def _environment() -> dict[str, str]:
    """Ours, with messages in English: they are read."""
    return {**os.environ, "LC_ALL": "C"}
