"""Files that are complete or not there."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile


def write_atomically(path: str | os.PathLike[str], content: bytes | bytearray | memoryview) -> None:
    """Write a file beside its place and move it there; where anything fails, what was there stays.

    A link stays one: the file that it leads to is written. Devices and pipes are written to as they are.

    Raises
    ------
    OSError
        The folder is not there or cannot be written, or the disk is full; it names `path`.
    """
    name = os.fspath(path)
    place = os.path.realpath(name)
    try:
        mode = _mode(place)
        if stat.S_ISREG(mode):
            _replace(place, content, stat.S_IMODE(mode))
        else:
            with open(place, "wb") as file:
                file.write(content)
    except OSError as e:
        if e.errno is None:
            raise
        raise OSError(e.errno, os.strerror(e.errno), name) from None  # of the kind that belongs to the number


def _mode(place: str) -> int:
    """What is at a place, or what an ordinary file that is made there would be."""
    try:
        return os.stat(place).st_mode
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return stat.S_IFREG | 0o666 & ~mask


def _replace(place: str, content: bytes | bytearray | memoryview, permissions: int) -> None:
    handle, temporary = tempfile.mkstemp(prefix=os.path.basename(place)[:200] + ".", dir=os.path.dirname(place))
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, permissions)  # mkstemp gives the owner alone access
        os.replace(temporary, place)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
