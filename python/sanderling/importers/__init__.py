"""Readers of model files: file -> ir."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sanderling import ir
    from sanderling.importers._source import Source

_COMPILED = b"\x89SAND\r\n\x1a"


def load_ir(source: Source) -> ir.Model:
    """Read a model of any known format, told by its content.

    Parameters
    ----------
    source : str, PathLike, bytes or memoryview
        A file, or a file's content: TensorFlow Lite, or a compiled model (which needs the compiled core).

    Returns
    -------
    ir.Model

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        `source` is a path without a file behind it.
    ModelError
        The content is damaged or of an unknown format.
    """
    if _first_bytes(source, len(_COMPILED)) == _COMPILED:
        from sanderling.compiled_file import read_compiled

        return read_compiled(source)
    from sanderling.importers import tflite

    return tflite.load(source)


def _first_bytes(source: Source, count: int) -> bytes:
    """Return the beginning of a model file, b"" where there is none to read."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(memoryview(source).cast("B")[:count]) if memoryview(source).contiguous else bytes(source)[:count]
    try:
        if not stat.S_ISREG(os.stat(source).st_mode):
            return b""
        # Without a file object: a tenth of the time.
        file = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(file, count)
        finally:
            os.close(file)
    except (OSError, ValueError, TypeError):
        return b""  # What is wrong is said by who reads it all.
