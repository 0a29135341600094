"""Files that are complete or not there."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat


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
        mode = None  # of what is there
        with contextlib.suppress(FileNotFoundError):
            mode = os.stat(place).st_mode
        if mode is None or stat.S_ISREG(mode):
            _replace(place, content, mode)
        else:
            with open(place, "wb") as file:
                file.write(content)
    except OSError as e:
        if e.errno is None:
            raise
        raise OSError(e.errno, os.strerror(e.errno), name) from None  # of the kind that belongs to the number


def _replace(place: str, content: bytes | bytearray | memoryview, mode: int | None) -> None:
    folder, name = os.path.split(place)
    temporary = os.path.join(folder, f"{name[:200]}.{secrets.token_hex(4)}")
    # With the permissions of any new file, or those of the one that it replaces.
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666 if mode is None else 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            os.chmod(temporary, stat.S_IMODE(mode))
        os.replace(temporary, place)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
