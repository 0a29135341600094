"""Readers of model files: file -> ir."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sanderling import ir
    from sanderling.importers._source import Source


def load_ir(source: Source) -> ir.Model:
    """Read a model of any known format, told by its content.

    Parameters
    ----------
    source : str, PathLike, bytes or memoryview
        A file, or a file's content.

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
    from sanderling.importers import tflite

    return tflite.load(source)
