"""What TensorFlow Lite Metadata says of a picture model: normalisation, and label files packed behind the model."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sanderling import ir
from sanderling._flatbuffer import Reader, Table
from sanderling.errors import ModelError

_NORMALIZATION = 1
_LABEL_KINDS = (2, 3)  # labels of a tensor's axis, labels of a tensor's values
_MOST_LABEL_BYTES = 1 << 22


@dataclass(frozen=True)
class Metadata:
    """The parts of a model's metadata that picture models need.

    Attributes
    ----------
    mean, std : tuple of float
        Normalisation of the first input, (pixel - mean) / std, one value or one a channel; empty where not said.
    label_files : tuple of str
        Names of the label files of the outputs, in the archive behind the model.
    """

    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    label_files: tuple[str, ...] = field(default=())


def read_metadata(model: ir.Model) -> Metadata:
    """Read a model's metadata; what is damaged or absent counts as not said."""
    data = model.metadata.get("TFLITE_METADATA", b"")
    if not data:
        return Metadata()
    try:
        reader = Reader(np.frombuffer(data, np.uint8), f"{model.source}: TFLITE_METADATA")
        graphs = reader.root().tables(3, "subgraph_metadata")
        if not graphs:
            return Metadata()
        mean, std = _normalization(graphs[0].tables(2, "input_tensor_metadata"))
        return Metadata(mean, std, _label_files(graphs[0].tables(3, "output_tensor_metadata")))
    except ModelError:
        return Metadata()


def _normalization(inputs: Sequence[Table]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    for unit in inputs[0].tables(4, "process_units") if inputs else ():
        options = unit.table(1, "options")
        if unit.scalar(0, "B", 0, "options_type") == _NORMALIZATION and options is not None:
            mean, std = options.vector(0, "f", "mean", most=16), options.vector(1, "f", "std", most=16)
            if mean and std and np.isfinite([*mean, *std]).all() and all(std):
                return mean, std
    return (), ()


def _label_files(outputs: Sequence[Table]) -> tuple[str, ...]:
    return tuple(
        file.string(0, "name")
        for output in outputs
        for file in output.tables(6, "associated_files")
        if file.scalar(2, "b", 0, "type") in _LABEL_KINDS
    )


def packed_text(source: str | os.PathLike[str] | bytes, names: Sequence[str]) -> str | None:
    """Return a text file of the archive that may follow a model.

    Parameters
    ----------
    source : path or bytes
        The model file.
    names : sequence of str
        Which file: the first of these that is there. Without names, the only .txt file.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
            inside = {item.filename: item for item in archive.infolist()}
            wanted = [n for n in names if n in inside] if names else [n for n in inside if n.endswith(".txt")]
            if not wanted or (not names and len(wanted) > 1) or inside[wanted[0]].file_size > _MOST_LABEL_BYTES:
                return None
            return archive.read(wanted[0]).decode("utf-8", "replace")
    except Exception:  # of zipfile, of zlib, of lzma where there is one
        return None  # No archive, or one that cannot be read: the model itself is not at fault.
