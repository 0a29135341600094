"""Readers of model files: file -> ir."""

from __future__ import annotations

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
    from sanderling.importers._source import first_bytes

    if first_bytes(source, len(_COMPILED)) == _COMPILED:
        from sanderling.compiled_file import read_compiled

        return read_compiled(source)
    from sanderling.importers import tflite

    return tflite.load(source)
