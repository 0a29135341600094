"""What all ways to a device have in common: commands of a POSIX shell, files, and a folder that does not stay."""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from sanderling.devices.url import Url
from sanderling.errors import DeviceError

FOLDER_LINE = "sanderling-folder "

# Makes a private folder, says where, and removes it when its input ends: when we close it, but also when we die or the
# connection does. A folder whose files may not be executed is of no use.
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
echo "sanderling-folder $d"
while read -r line; do :; done
if [ -f "$d/pid" ]; then read -r p <"$d/pid"; kill -9 "$p" 2>/dev/null; fi
rm -rf "$d"
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

    def __enter__(self) -> Connection:
        try:
            self.folder = self._open()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._close()

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
