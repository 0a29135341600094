"""An OpenSSH server on loopback with its own keys, whose users land on a make-believe device."""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from tests.support.programs import left, missing, program
from tests.support.shared import ROOT

_TOOLS = "sh cat chmod cp cut df echo env head kill ls mkdir mktemp mv printf rm rmdir sort tr uname wc"


class SshServer:
    """A server, the device behind it, and a client's settings.

    Parameters
    ----------
    room : Path
        A folder of its own.
    emulated : bool
        Whether commands run in a userland for 64-bit ARM on an emulated Cortex-A72, or in this machine's.
    limits : str
        Lines of shell that run before each command.
    """

    def __init__(self, room: Path, emulated: bool = False, limits: str = "") -> None:
        self._sshd = program("sshd", "openssh-server")
        self.room = room
        self.temporary, self.home, self.bin = (room / n for n in ("tmp", "home", "bin"))
        for folder in (self.temporary, self.home, self.bin):
            folder.mkdir(parents=True)
        self.user = pwd.getpwuid(os.getuid()).pw_name
        for name in ("host_key", "user_key"):
            self.make_key(name)
        command = shlex.join(self._emulated()) if emulated else (
            f"PATH={self.bin}:$PATH TMPDIR={self.temporary} HOME={self.home} sh")  # fmt: skip
        shell = room / "shell"
        shell.write_text(f'#!/bin/sh\n{limits}\nexec env {command} -c "$SSH_ORIGINAL_COMMAND"\n')
        shell.chmod(0o755)
        shutil.copy(room / "user_key.pub", room / "authorized")
        (room / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1\nHostKey {room}/host_key\nAuthorizedKeysFile {room}/authorized\n"
            f"PidFile {room}/pid\nUsePAM no\nStrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\n"
            f"KbdInteractiveAuthentication no\nForceCommand {shell}\n"
        )
        self.config = room / "ssh_config"
        self.config.write_text(
            f"Host *\n  IdentityFile {room}/user_key\n  IdentitiesOnly yes\n  IdentityAgent none\n"
            f"  UserKnownHostsFile {room}/known_hosts\n  GlobalKnownHostsFile /dev/null\n"
        )
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.know()
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"ssh://{self.user}@127.0.0.1:{self.port}"

    def make_key(self, name: str) -> None:
        """Make a key, another one where there was one."""
        for file in (self.room / name, self.room / f"{name}.pub"):
            file.unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.room / name], check=True)

    def know(self) -> None:
        """Let the client know the host key."""
        key = (self.room / "host_key.pub").read_text().split()
        (self.room / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {key[0]} {key[1]}\n")

    def tool(self, name: str, script: str) -> None:
        """Put another program in front of one of the device's."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def __enter__(self) -> SshServer:
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        with open(self.room / "log", "wb") as log:
            self._server = subprocess.Popen(
                [self._sshd, "-D", "-e", "-f", self.room / "sshd_config", "-p", str(self.port)], stderr=log
            )
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                if time.monotonic() > end or self._server.poll() is not None:
                    raise RuntimeError((self.room / "log").read_text()) from None
                time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self.cut()
        self._server.kill()
        self._server.wait()

    def cut(self) -> None:
        """Kill the processes of the server that hold connections; what they started goes on."""
        assert self._server is not None
        waiting = [self._server.pid]
        while waiting:
            parent = waiting.pop()
            for child in _children(parent):
                with suppress(FileNotFoundError, ProcessLookupError):  # gone by itself meanwhile
                    if "sshd" in Path(f"/proc/{child}/comm").read_text():
                        waiting.append(child)
                        os.kill(child, signal.SIGKILL)

    def left(self) -> list[str]:
        """What is left on the device, see `programs.left`."""
        return left(self.temporary)

    def _emulated(self) -> list[str]:
        busybox = Path(os.environ.get("SANDERLING_DEVICE", ROOT / "build/device-arm64")) / "bin/busybox"
        if not busybox.exists():
            missing(f"{busybox} is missing: cross/emulated/device.sh makes it")
        root = self.room / "root"
        for name in ("bin", "tmp", "home", "proc", "dev"):
            (root / name).mkdir(parents=True)
        shutil.copy(busybox, root / "bin")
        for name in _TOOLS.split():
            (root / "bin" / name).symlink_to("busybox")
        cpuinfo = self.room / "cpuinfo"
        cpuinfo.write_text("".join(
            f"processor\t: {i}\nFeatures\t: fp asimd crc32 cpuid\nCPU implementer\t: 0x41\nCPU part\t: 0xd08\n\n"
            for i in range(4)
        ))  # fmt: skip
        qemu = f"{program('qemu-aarch64', 'qemu-user')} -cpu cortex-a72"
        environment = ["PATH=/bin", "HOME=/home", "TMPDIR=/tmp", f"PROOT_TMP_DIR={self.room}"]
        bound = ["/dev", "/proc", f"{cpuinfo}:/proc/cpuinfo", f"{self.temporary}:/tmp", f"{self.home}:/home"]
        return [
            *("-i", *environment, program("proot", "proot"), "-q", qemu, "-r", str(root)),
            *(word for b in bound for word in ("-b", b)),
            *("-w", "/", "/bin/sh"),
        ]


def _children(parent: int) -> list[int]:
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == parent:
                found.append(int(entry))
    return found
