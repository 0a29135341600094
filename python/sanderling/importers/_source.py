"""Where a model comes from: a path, or bytes in memory."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Any

import numpy as np

from sanderling.errors import ModelError

if TYPE_CHECKING:
    import numpy.typing as npt

Source = str | os.PathLike[str] | bytes | bytearray | memoryview


def read(source: Source) -> tuple[npt.NDArray[np.uint8], str]:
    """Read a model file.

    The file is read rather than mapped: a mapped file that another program cuts short kills the process.

    Returns
    -------
    data : ndarray of uint8, read-only
    name : str
        The file in messages.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        view = memoryview(source)
        # What can be written to would change under a model in use.
        data: npt.NDArray[Any] = np.frombuffer(view if view.contiguous and view.readonly else bytes(view), np.uint8)
        name = "<memory>"
    else:
        name = os.fspath(source)
        if not isinstance(name, str):
            raise TypeError(f"a model is a path or bytes, not {type(source).__name__}")
        mode = os.stat(name).st_mode  # FileNotFoundError names the path.
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, "a model file is expected, this is a directory", name)
        if not stat.S_ISREG(mode):
            raise ModelError(f"{name}: not a regular file")
        data = np.fromfile(name, np.uint8)
    data = data.view()
    data.flags.writeable = False
    return data, name


def looks_like(data: npt.NDArray[np.uint8]) -> str:
    """Say in a few words what a file that is no model seems to be."""
    head = data[:512].tobytes()
    if not head:
        return "the file is empty"
    kinds = {
        b"PK\x03\x04": "a zip archive (unpack it first)",
        b"\x1f\x8b": "gzip data (unpack it first)",
        b"\x89HDF": "an HDF5 file, such as a Keras model",
        b"\x89PNG": "a PNG picture",
        b"\xff\xd8\xff": "a JPEG picture",
        b"version https://git-lfs": "a Git LFS pointer; the file itself was never fetched (git lfs pull)",
    }
    for magic, kind in kinds.items():
        if head.startswith(magic):
            return f"it looks like {kind}"
    # ONNX is a protobuf without magic: field 1 (ir_version, small), then mostly field 2 (producer_name).
    if len(head) > 3 and head[0] == 0x08 and 0 < head[1] < 32 and head[2] in (0x12, 0x1A, 0x22, 0x3A, 0x42):
        return "it looks like an ONNX model"
    if not any(head):
        return "it begins with nothing but zeros"
    if all(byte in b"\t\n\r\f" or 32 <= byte < 127 for byte in head):
        return "it looks like text"
    return "its content is not known"
