"""Pictures in, named results out: classifiers and detectors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sanderling import ir
from sanderling.labels import Labels, find_labels, fit_labels, load_labels
from sanderling.metadata import read_metadata
from sanderling.model import Model, load
from sanderling.pictures import Preparation, is_picture, open_picture
from sanderling.tensor_info import TensorInfo

if TYPE_CHECKING:
    from sanderling.pictures import Picture

_POSTPROCESS = "TFLite_Detection_PostProcess"
# Operators that do not change what kind of numbers scores are.
_TRANSPARENT = ("QUANTIZE", "DEQUANTIZE", "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "CAST")


@dataclass(frozen=True)
class Prediction:
    """A class that a picture may show.

    Attributes
    ----------
    index : int
        Number of the class.
    label : str
        Its name; the number where no labels are known.
    score : float
        0 to 1.
    """

    index: int
    label: str
    score: float

    def __str__(self) -> str:
        return f"{self.label} {100 * self.score:.1f} %"


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the original picture, (0, 0) in its upper left corner, clipped to the picture."""

    xmin: float
    ymin: float
    xmax: float
    ymax: float

    @property
    def width(self) -> float:
        """xmax - xmin in pixels."""
        return self.xmax - self.xmin

    @property
    def height(self) -> float:
        """ymax - ymin in pixels."""
        return self.ymax - self.ymin


@dataclass(frozen=True)
class Detection:
    """A thing found in a picture.

    Attributes
    ----------
    index : int
        Number of its class.
    label : str
        Name of the class; the number where no labels are known.
    score : float
        0 to 1.
    box : Box
        Where it is.
    """

    index: int
    label: str
    score: float
    box: Box

    def __str__(self) -> str:
        b = self.box
        return f"{self.label} {100 * self.score:.1f} % at ({b.xmin:.0f}, {b.ymin:.0f}) to ({b.xmax:.0f}, {b.ymax:.0f})"


class _PictureModel:
    """A model with one picture input, its preparation and its labels."""

    def __init__(self, model: str | os.PathLike[str] | bytes | Model, threads: int | None, crop: float | None,
                 mean: float | Sequence[float] | None, std: float | Sequence[float] | None) -> None:  # fmt: skip
        if isinstance(model, Model) and threads is not None:
            raise TypeError("threads is given where the model is loaded: sanderling.load(path, threads=...)")
        self.model = model if isinstance(model, Model) else load(model, threads)
        self._file = model if isinstance(model, bytes) else self.model.source
        if len(self.model.inputs) != 1:
            raise ValueError(f"{self.model.source}: one picture input expected; it has {len(self.model.inputs)} inputs")
        self._metadata = read_metadata(self.model.ir)
        self._prepare = preparation(self.model, 0, crop, mean, std)

    def prepare(self, picture: Picture) -> npt.NDArray[Any]:
        """Return the model's input for a picture: cropped, resized, normalised, in the input's dtype."""
        return self._prepare(open_picture(picture))

    def _find_labels(self, labels: Labels | None, classes: int) -> list[str]:
        if labels is not None:
            return load_labels(labels, classes)
        own = fit_labels(self.model.ir.labels, classes)
        if own is not None:
            return own
        return find_labels(self._file, classes, self._metadata.label_files) or []

    def _label(self, index: int) -> str:
        return self.labels[index] if index < len(self.labels) else str(index)

    labels: list[str]


class Classifier(_PictureModel):
    """Names what a picture shows.

    Parameters
    ----------
    model : path, bytes or Model
        A model with one picture input, [1, height, width, 1 or 3], and one output with a score for each class.
    labels : path or sequence of str, optional
        A text file with a label a line, or the labels. Without it they are looked for in the model file itself (TFLite
        Metadata), then beside it: `<model>.txt`, `labels.txt`, `*labels*.txt` with as many lines as there are classes.
    threads : int, optional
        As in `load`.
    top : int
        How many results a call returns.
    crop : float or None
        The centre square (or the input's proportions) of `crop` times the shorter side is what the model sees, resized
        bicubically; None stretches the whole picture.
    mean, std : float or sequence of float, optional
        The model sees (pixel - mean) / std. Default: 8-bit inputs take the pixel's own byte (int8: pixel - 128); float
        inputs what the file's metadata says, else 127.5 and 127.5.

    Attributes
    ----------
    model : Model
    labels : list of str
        Empty where none were found.

    Raises
    ------
    ValueError, TypeError
        The model is no classifier of pictures, or an option does not fit it.

    Examples
    --------
    >>> classify = sanderling.Classifier("models/effnet_lite0_int8.tflite")
    >>> classify("models/coffee.png")[0].label
    'espresso'
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | bytes | Model,
        labels: Labels | None = None,
        threads: int | None = None,
        top: int = 5,
        crop: float | None = 0.875,
        mean: float | Sequence[float] | None = None,
        std: float | Sequence[float] | None = None,
    ) -> None:
        super().__init__(model, threads, crop, mean, std)
        if top < 1:
            raise ValueError(f"top is {top}; at least 1 expected")
        if not has_class_scores(self.model):
            shapes = ", ".join(f"{t.name!r} {list(t.shape)}" for t in self.model.outputs)
            raise ValueError(f"{self.model.source}: one output with a score a class expected; it has {shapes}")
        self.top = top
        self._output = self.model.outputs[0]
        self._kind = _score_kind(self.model.ir.graphs[0])
        self.labels = self._find_labels(labels, self._output.shape[-1])

    def __call__(self, picture: Picture) -> list[Prediction]:
        """Return the `top` most likely classes, best first (equal scores: lower index first).

        Parameters
        ----------
        picture : path, PIL image, or ndarray of uint8
            Arrays are [height, width, 3] in RGB order; grey ([height, width]) and RGBA are taken too.

        Raises
        ------
        TypeError, ValueError
            Not a picture.
        FileNotFoundError
        """
        return self.rank(self.model(self.prepare(picture)))

    def rank(self, output: npt.NDArray[Any]) -> list[Prediction]:
        """Return the best classes of an output that the model gave."""
        scores = self.scores(output)
        best = np.argsort(-scores, kind="stable")[: self.top]
        return [Prediction(i, self._label(i), float(scores[i])) for i in best.tolist()]

    def scores(self, output: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return the score of each class, float32 from 0 to 1, for an output that the model gave.

        Outputs that are probabilities already stay as they are: the model ends in SOFTMAX or LOGISTIC (dequantizing
        and reshaping do not count), or the values lie in [0, 1] and sum to 1. All others pass through a softmax.
        """
        return _probabilities(self._output.dequantize(output).reshape(-1), self._kind)


class Detector(_PictureModel):
    """Finds things in a picture.

    Parameters
    ----------
    model : path, bytes or Model
        A model with one picture input that ends in TFLite_Detection_PostProcess (boxes, classes, scores, count); the
        order of its outputs does not matter. Overlapping boxes were removed by that operator.
    labels, threads, mean, std
        As in `Classifier`.
    threshold : float
        Lowest score of a result.
    top : int, optional
        Most results of a call.

    Raises
    ------
    ValueError, TypeError
        The model is no such detector, or an option does not fit it.

    Notes
    -----
    The whole picture is stretched to the input's size; boxes are given in its original pixels.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | bytes | Model,
        labels: Labels | None = None,
        threads: int | None = None,
        threshold: float = 0.5,
        top: int | None = None,
        mean: float | Sequence[float] | None = None,
        std: float | Sequence[float] | None = None,
    ) -> None:
        super().__init__(model, threads, None, mean, std)
        if top is not None and top < 1:
            raise ValueError(f"top is {top}; at least 1 expected, or None")
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold is {threshold}; 0 to 1 expected")
        self.threshold = threshold
        self.top = top
        graph = self.model.ir.graphs[0]
        node = _postprocess_node(graph)
        if node is None:
            raise ValueError(
                f"{self.model.source}: a model that ends in {_POSTPROCESS} expected, with its four results as outputs"
            )
        self._outputs = [graph.outputs.index(i) for i in node.outputs]
        classes = node.attributes.get("num_classes")
        self.labels = self._find_labels(labels, classes) if isinstance(classes, int) else []
        if labels is not None and not self.labels:
            raise ValueError(f"{self.model.source}: {_POSTPROCESS} does not say how many classes there are")

    def __call__(self, picture: Picture) -> list[Detection]:
        """Return what is found with a score of at least `threshold`, best first.

        Parameters
        ----------
        picture : path, PIL image, or ndarray of uint8
            As in `Classifier`.

        Raises
        ------
        TypeError, ValueError
            Not a picture.
        FileNotFoundError
        """
        image = open_picture(picture)
        return self.collect(self.model(self._prepare(image)), image.width, image.height)

    def collect(self, outputs: Sequence[npt.NDArray[Any]], width: float = 1, height: float = 1) -> list[Detection]:
        """Return the detections in outputs that the model gave, boxes in a picture of `width` x `height` pixels."""
        infos = self.model.outputs
        boxes, classes, scores, counts = (infos[i].dequantize(outputs[i]) for i in self._outputs)
        count = int(min(max(counts.reshape(-1)[0], 0), scores.size)) if counts.size else 0
        corners = np.clip(np.nan_to_num(boxes.reshape(-1, 4)[:count]), 0, 1) * np.array([height, width] * 2)
        values, numbers = scores.reshape(-1)[:count], np.nan_to_num(classes.reshape(-1)[:count])
        found = []
        for i in np.argsort(-values, kind="stable").tolist():
            score = float(values[i])
            if score >= self.threshold:
                ymin, xmin, ymax, xmax = corners[i].tolist()
                index = int(numbers[i])
                found.append(Detection(index, self._label(index), score, Box(xmin, ymin, xmax, ymax)))
        return found[: self.top]


def preparation(
    model: Model,
    position: int,
    crop: float | None,
    mean: float | Sequence[float] | None,
    std: float | Sequence[float] | None,
) -> Preparation:
    """Return how pictures become input number `position`; the file's metadata are asked where mean and std are None."""
    info = model.inputs[position]
    if position == 0 and info.dtype.startswith("float"):
        metadata = read_metadata(model.ir)
        mean = metadata.mean or None if mean is None else mean
        std = metadata.std or None if std is None else std
    return Preparation(info, crop, mean, std)


def has_class_scores(model: Model) -> bool:
    """Tell whether a model's one output is a score for each of several classes: all extents 1 but the last."""
    outputs: list[TensorInfo] = model.outputs
    if len(outputs) != 1 or not outputs[0].shape:
        return False
    *before, classes = outputs[0].shape
    return all(n == 1 for n in before) and classes > 0 and outputs[0].dtype.startswith(("int8", "uint8", "int16", "f"))


def is_classifier(model: Model) -> bool:
    """Tell whether `Classifier` takes a model."""
    return len(model.inputs) == 1 and is_picture(model.inputs[0]) and has_class_scores(model)


def is_detector(model: Model) -> bool:
    """Tell whether `Detector` takes a model."""
    return len(model.inputs) == 1 and is_picture(model.inputs[0]) and _postprocess_node(model.ir.graphs[0]) is not None


def _postprocess_node(graph: ir.Graph) -> ir.Node | None:
    for node in reversed(graph.nodes):
        if node.op == _POSTPROCESS and len(node.outputs) == 4 and all(i in graph.outputs for i in node.outputs):
            return node
    return None


def _score_kind(graph: ir.Graph) -> str:
    """The operator that makes the scores of the one output, "" where it is a graph input or a constant."""
    makers = {i: node for node in graph.nodes for i in node.outputs}
    node = makers.get(graph.outputs[0])
    while node is not None and node.op in _TRANSPARENT and node.inputs:
        node = makers.get(node.inputs[0])
    return "" if node is None else node.op


def _probabilities(values: npt.NDArray[np.float32], kind: str) -> npt.NDArray[np.float32]:
    if kind in ("SOFTMAX", "LOGISTIC"):
        return values
    if kind == "LOG_SOFTMAX":
        return np.asarray(np.exp(values), np.float32)
    if values.min() >= 0 and values.max() <= 1 and abs(float(values.sum()) - 1) < 1e-3:
        return values
    powers = np.exp(values - values.max())
    return np.asarray(powers / powers.sum(), np.float32)
