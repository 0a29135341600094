"""Names of classes: from a file or a list, found beside the model or packed into it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from sanderling.metadata import packed_text

Labels = str | os.PathLike[str] | Sequence[str]

_NUMBERED = re.compile(r"(\d{1,6})[\s:,]+(\S.*)")
_BACKGROUND = ("background", "__background__", "???", "unlabeled", "unlabelled")
_MOST_LABEL_BYTES = 1 << 22


def load_labels(labels: Labels, classes: int) -> list[str]:
    """Return one label a class.

    Parameters
    ----------
    labels : path or sequence of str
        A text file with a label a line (or "number label", in any order), or the labels themselves.
    classes : int
        How many the model tells apart. ImageNet's two habits are reconciled: 1000 labels for 1001 classes get
        "background" in front, and a first label "background" is dropped where there is one too many.

    Raises
    ------
    ValueError
        Their number does not fit.
    """
    if isinstance(labels, (str, os.PathLike)):
        where = os.fspath(labels)
        found = parse_labels(Path(where).read_text("utf-8", "replace"))
    else:
        where = "labels"
        found = list(labels)
        if not all(isinstance(label, str) for label in found):
            raise TypeError("labels is a path or a sequence of strings")
    fitted = fit_labels(found, classes)
    if fitted is None:
        raise ValueError(f"{where}: {len(found)} labels, but the model has {classes} classes")
    return fitted


def parse_labels(text: str) -> list[str]:
    """Return the labels of a text file, one a line; lines "number label" are put in their places."""
    lines = [line.strip() for line in text.removeprefix("\ufeff").splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    numbered = [_NUMBERED.fullmatch(line) for line in lines]
    if not lines or not all(numbered):
        return lines
    places = {int(m[1]): m[2] for m in numbered if m}
    if len(places) < len(lines) or max(places) > 16 * len(lines) + 16:
        return lines
    return [places.get(i, "") for i in range(max(places) + 1)]


def fit_labels(labels: Sequence[str], classes: int) -> list[str] | None:
    """Return the labels with "background" put in front or dropped as needed, None where their number does not fit."""
    if len(labels) == classes:
        return list(labels)
    if len(labels) == classes + 1 and labels[0].lower() in _BACKGROUND:
        return list(labels[1:])
    if len(labels) == 1000 and classes == 1001:
        return ["background", *labels]
    return None


def find_labels(source: str | bytes, classes: int, packed: Sequence[str] = ()) -> list[str] | None:
    """Look for labels that fit.

    In order: a label file packed into the model, `<model>.txt`, `labels.txt` and `*labels*.txt` in the model's folder.

    Parameters
    ----------
    source : str or bytes
        Path or content of the model file.
    packed : sequence of str
        Names of label files that the model's metadata gives.
    """
    text = packed_text(source, packed)
    fitted = None if text is None else fit_labels(parse_labels(text), classes)
    if fitted is not None or isinstance(source, bytes):
        return fitted
    return labels_beside(source, classes)


def labels_beside(source: str, classes: int) -> list[str] | None:
    """Look for labels that fit in the model's folder only; see `find_labels`."""
    path = Path(source)
    try:
        candidates = [path.with_suffix(".txt"), path.parent / "labels.txt", *sorted(path.parent.glob("*labels*.txt"))]
        for file in candidates:
            if file.is_file() and file.stat().st_size <= _MOST_LABEL_BYTES:
                fitted = fit_labels(parse_labels(file.read_text("utf-8", "replace")), classes)
                if fitted is not None:
                    return fitted
    except (OSError, ValueError):
        pass  # A folder that cannot be listed, or a name that is no path: no labels.
    return None
