"""Devices with an SSH server, through the system's `ssh`: its settings, keys, agents and known hosts."""

from __future__ import annotations

import os
import re
import shutil
import tempfile

from sanderling.devices.connection import Answer
from sanderling.devices.process import ProcessConnection
from sanderling.devices.url import Url
from sanderling.errors import DeviceError

# A Unix socket's path has at most 103 characters; ours and ssh's own additions take 39.
_LONGEST = 64


class SshConnection(ProcessConnection):
    """One connection; the keeper is its master, all commands share it.

    Parameters
    ----------
    url : Url
        Where it is.
    config : str, optional
        A file for `ssh -F`.
    """

    def __init__(self, url: Url, config: str | None = None) -> None:
        super().__init__(url)
        if shutil.which("ssh") is None:
            raise self.error("there is no program `ssh` here; install OpenSSH's client")
        self._options = ["-F", config] if config else []
        self._room: str | None = None

    def _open(self) -> str:
        parent = tempfile.gettempdir()
        self._room = tempfile.mkdtemp(prefix="sanderling-", dir=parent if len(parent) < _LONGEST else "/tmp")
        return super()._open()

    def _close(self) -> None:
        super()._close()
        if self._room is not None:
            shutil.rmtree(self._room, ignore_errors=True)
            self._room = None

    def _ssh(self, *options: str) -> list[str]:
        assert self._room is not None
        url = self.url
        return [
            "ssh", *self._options, "-T", "-S", os.path.join(self._room, "s"), *options,
            *(["-l", url.user] if url.user else []), *(["-p", str(url.port)] if url.port else []), "--", url.host,
        ]  # fmt: skip

    def _keeper_command(self) -> list[str]:
        # No questions: they would have no answer. A dead line is known after 15 s.
        return self._ssh(
            "-M", "-o", "ControlPersist=no", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
            "-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3",
            "-o", "LogLevel=INFO", "-o", "ClearAllForwardings=yes", "-o", "ForwardX11=no", "-o", "RemoteCommand=none",
        )  # fmt: skip

    def _command(self) -> list[str]:
        # Where the master is gone, ssh would make a connection of its own.
        return self._ssh("-o", "ControlMaster=no", "-o", "ProxyCommand=false", "-o", "RemoteCommand=none",
                         "-o", "BatchMode=yes")  # fmt: skip

    def _lost(self, answer: Answer) -> bool:
        return answer.code == 255

    def _refused(self, errors: str) -> DeviceError:
        url = self.url
        where = f"{url.user}@{url.host}" if url.user else url.host
        port = f" -p {url.port}" if url.port else ""
        if "IDENTIFICATION HAS CHANGED" in errors:
            line = re.search(r"Offending .*key in (\S+)", errors)
            name = f"[{url.host}]:{url.port}" if url.port not in (0, 22) else url.host
            return self.error(
                f"its host key is not the one that is known{f' ({line[1]})' if line else ''}: it is another machine, "
                f"was set up anew, or someone listens in. Only if you know why: ssh-keygen -R '{name}'"
            )
        if "Host key verification failed" in errors:
            return self.error(f"its host key is not known; connect once and compare it: ssh{port} {where}")
        if "Permission denied" in errors or "Too many authentication failures" in errors:
            return self.error(f"it does not let this user in; set up a key: ssh-copy-id{port} {where}")
        lines = [line.strip() for line in errors.splitlines() if line.strip() and not line.startswith("Warning:")]
        if any("Connection refused" in line for line in lines):
            return self.error("there is no SSH server at this address and port; start it (on a Pi: raspi-config)")
        if any("Could not resolve" in line for line in lines):
            return self.error("no machine of this name is known; try its address")
        if any("timed out" in line or "No route" in line or "unreachable" in line for line in lines):
            return self.error("nothing answers there; see whether it is switched on and in this network")
        return self.error(f"no connection: {lines[-1] if lines else 'ssh ended without a message'}")
