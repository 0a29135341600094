"""What all ways to a device have in common: commands of a POSIX shell, files, and a folder that does not stay."""

from __future__ import annotations

import shlex
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from sanderling.devices.url import Url
from sanderling.errors import DeviceError

FOLDER_LINE = "sanderling-folder "

PATIENCE = 60
"""Seconds without a sign of life from us after which a device cleans up."""

# Makes a private folder, says where, and removes it when its input ends: when we close it, but also when we die or the
# connection does. A network that falls silent ends nothing, so lines are awaited, too. A folder whose files may not be
# executed is of no use.
KEEPER = """
LC_ALL=C; export LC_ALL
umask 077
trap "" HUP INT PIPE
d=
for base in "${TMPDIR:-}" /tmp /data/local/tmp /var/tmp "${HOME:-}"; do
  [ -n "$base" ] && [ -d "$base" ] && [ -w "$base" ] || continue
  d=$(mktemp -d "$base/sanderling.XXXXXXXXXX" 2>/dev/null) || { d=; continue; }
  if { echo "exit 0" >"$d/try" && chmod 700 "$d/try"; } 2>/dev/null; then
    "$d/try" >/dev/null 2>&1
    [ $? -eq 126 ] || { rm "$d/try"; break; }
  fi
  rm -rf "$d"
  d=
done
[ -n "$d" ] || { echo "no folder to put programs into" >&2; exit 3; }
clean() {
  if [ -f "$d/pid" ]; then read -r p <"$d/pid"; kill -9 "$p" 2>/dev/null; fi
  rm -rf "$d"
}
watch() {
  trap "kill \\$s; exit" TERM
  while :; do
    sleep PATIENCE & s=$!
    wait $s
    [ -f "$d/alive" ] || { clean; kill -9 $$; exit; }
    rm "$d/alive"
  done
}
: >"$d/alive"
watch </dev/null >/dev/null 2>&1 & w=$!
echo "sanderling-folder $d"
while read -r line; do : >"$d/alive"; done
kill $w 2>/dev/null
clean
"""


@dataclass(frozen=True)
class Answer:
    """What a command gave.

    Attributes
    ----------
    code : int
        Exit code; 128 + n after signal n.
    out, err : str
        Its output.
    """

    code: int
    out: str
    err: str

    @property
    def reason(self) -> str:
        """The last line that it wrote to stderr, or its exit code."""
        lines = [line.strip() for line in self.err.splitlines() if line.strip()]
        return lines[-1] if lines else f"exit code {self.code}"


def keeper() -> str:
    """Return the command that keeps a folder."""
    return f"exec sh -c {quoted(KEEPER.replace('PATIENCE', str(PATIENCE)))}"


class Connection(ABC):
    """A device that can be talked to. Use it in a `with` statement; leaving that removes the folder.

    Attributes
    ----------
    url : Url
        Its address.
    folder : str
        The private folder on it.
    architecture : str, optional
        As `uname -m` has it, where it is not to be asked.
    launcher : tuple of str
        What programs are started with.
    emulator : str
        What runs the programs instead of a CPU of that kind; "" on real devices.
    """

    def __init__(self, url: Url) -> None:
        self.url = url
        self.folder = ""
        self.architecture: str | None = None
        self.launcher: tuple[str, ...] = ()
        self.emulator = ""
        self._over = threading.Event()
        self._signs = threading.Thread(target=self._give_signs, daemon=True)

    def __enter__(self) -> Connection:
        try:
            self.folder = self._open()
            self._signs.start()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._over.set()
        self._signs.join()
        self._close()

    def _give_signs(self) -> None:
        while not self._over.wait(PATIENCE / 6):
            try:
                self._sign()
            except (OSError, DeviceError):
                return

    @abstractmethod
    def _sign(self) -> None:
        """Send the keeper a line."""

    @abstractmethod
    def _open(self) -> str:
        """Connect, start the keeper, and return the folder that it made."""

    @abstractmethod
    def _close(self) -> None:
        """Let the keeper remove the folder, and disconnect. Raises nothing."""

    @abstractmethod
    def run(self, script: str) -> Answer:
        """Run a script of a POSIX shell, without input.

        Raises
        ------
        DeviceError
            The connection was lost.
        """

    @abstractmethod
    def push(self, source: Path, target: str) -> None:
        """Copy a file to `target`, an absolute path, executable by its owner.

        Raises
        ------
        DeviceError
            The connection was lost, or the file cannot be written there.
        """

    def error(self, what: str) -> DeviceError:
        """Return an error of this device."""
        return DeviceError(f"{self.url.text}: {what}")

    def write_error(self, source: Path, target: str, reason: str) -> DeviceError:
        """Return the error for a file that could not be written."""
        low = reason.lower()
        where = target.rpartition("/")[0]
        if "no space" in low or "enospc" in low:
            return self.error(
                f"its disk is full: {source.name} ({_mb(source)}) does not fit into {where}; make room there, "
                "or set TMPDIR on the device"
            )
        if "too large" in low or "size limit" in low or "quota" in low:
            return self.error(f"{source.name} ({_mb(source)}) is larger than the user's limit there allows ({reason})")
        return self.error(f"{source.name} cannot be written into {where}: {reason}")


def quoted(*words: str) -> str:
    """Return words as a POSIX shell reads them."""
    return " ".join(map(shlex.quote, words))


def _mb(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"
