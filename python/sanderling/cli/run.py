"""`sanderling run`: a model on pictures or arrays."""

from __future__ import annotations

import io
import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
from rich.text import Text

from sanderling._atomic import write_atomically
from sanderling.cli.terminal import (
    Number,
    Sheet,
    console,
    fp16_option,
    isa_option,
    json_option,
    load_model,
    plain,
    print_json,
    progress,
    shape_text,
    threads_option,
)
from sanderling.model import Model
from sanderling.pictures import open_picture
from sanderling.vision import Classifier, Detector, is_classifier, is_detector, preparation

logger = logging.getLogger(__name__)

Array = npt.NDArray[Any]
_FIRST = 5
"""Values of an output that a summary shows."""


@click.command(short_help="Classify a picture, or run on arrays.")
@click.argument("model")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="Classes to print for a classifier.")
@click.option("--threshold", type=Number(0, 1), default=0.5, show_default=True, help="Lowest score of a box.")
@click.option("--labels", metavar="FILE", help="Text file with a label a line; default: looked for beside the model.")
@click.option("--mean", type=Number(), help="The model sees (pixel - mean) / std.")
@click.option("--std", type=Number(), help="See --mean.")
@click.option(
    "--stretch", is_flag=True, help="Classifiers: stretch the whole picture instead of cutting out the centre."
)
@click.option("--output", metavar="DIR", help="Save the outputs there as .npy.")
@threads_option
@isa_option
@fp16_option
@json_option
def run(
    model: str,
    inputs: tuple[str, ...],
    top: int,
    threshold: float,
    labels: str | None,
    mean: float | None,
    std: float | None,
    stretch: bool,
    output: str | None,
    threads: int | None,
    isa: str | None,
    fp16: bool,
    as_json: bool,
) -> None:
    """Run MODEL on pictures, .npy or .npz files.

    A model with one input runs once for each INPUT; one with n inputs takes them n at a time, or all from one .npz that
    has them by name. Classifiers print the likeliest classes, detectors boxes, other models a summary of each output.
    """
    loaded = load_model(model, threads, isa, fp16)
    crop = None if stretch else 0.875
    seer: Classifier | Detector | None = None
    if is_detector(loaded):
        seer = Detector(loaded, labels, threshold=threshold, mean=mean, std=std)
    elif is_classifier(loaded):
        seer = Classifier(loaded, labels, top=top, crop=crop, mean=mean, std=std)
    elif labels is not None:
        raise click.UsageError("--labels: the model is neither a classifier nor a detector of pictures")
    runner = _Runner(loaded, seer, crop, mean, std)
    if output is not None:
        os.makedirs(output, exist_ok=True)
    groups = _groups(inputs, len(loaded.inputs))
    results = []
    screen = console()
    with progress("running", len(groups)) as advance:
        for number, group in enumerate(groups):
            result, outputs = runner.run(group)
            if output is not None:
                _save(Path(output), number if len(groups) > 1 else None, outputs)
            results.append(result)
            advance()
    if as_json:
        print_json({"model": model, "results": results})
        return
    for number, result in enumerate(results):
        if number:
            screen.print()
        _show(screen, result)


class _Runner:
    """One model, and how to make its inputs from files."""

    def __init__(
        self,
        model: Model,
        seer: Classifier | Detector | None,
        crop: float | None,
        mean: float | None,
        std: float | None,
    ) -> None:
        self._model = model
        self._seer = seer
        # Where a model says something of places in the picture, it is to see all of it.
        self._picture_options = (crop if isinstance(seer, Classifier) else None, mean, std)

    def run(self, files: Sequence[str]) -> tuple[dict[str, Any], dict[str, Array]]:
        """Run on one group of files; return what to print, and the outputs by name."""
        size: tuple[float, float] = (1, 1)
        arguments: dict[str, Array] | list[Array]
        if len(files) == 1 and files[0].endswith(".npz"):
            arguments = {name: self._fit(name, array) for name, array in _load_npz(files[0]).items()}
        else:
            arguments = []
            for position, file in enumerate(files):
                if file.endswith(".npy"):
                    arguments.append(self._fit(position, _load_npy(file)))
                else:
                    array, size = self._picture(position, file)
                    arguments.append(array)
        start = time.perf_counter()
        values = self._model(**arguments) if isinstance(arguments, dict) else self._model(*arguments)
        ms = 1000 * (time.perf_counter() - start)
        logger.info("%s: %.3f ms", " ".join(files), ms)
        tensors: tuple[Array, ...] = values if isinstance(values, tuple) else (values,)
        infos = self._model.outputs
        outputs = dict(zip(_unique([t.name for t in infos]), tensors, strict=True))
        result: dict[str, Any] = {"input": list(files) if len(files) > 1 else files[0], "ms": ms}
        if isinstance(self._seer, Detector):
            result["detections"] = [asdict(d) for d in self._seer.collect(tensors, *size)]
        elif self._seer is not None and tensors[0].size == self._seer.model.outputs[0].shape[-1]:
            result["predictions"] = [asdict(p) for p in self._seer.rank(tensors[0])]
        else:
            result["outputs"] = [summary(name, array) for name, array in outputs.items()]
        return result, outputs

    def _picture(self, position: int, file: str) -> tuple[Array, tuple[float, float]]:
        image = open_picture(file)
        return preparation(self._model, position, *self._picture_options)(image), (image.width, image.height)

    def _fit(self, which: int | str, array: Array) -> Array:
        """Add a missing batch dimension, or plan for the array's shape."""
        infos = self._model.inputs
        named = [t for t in infos if t.name == which]
        if not isinstance(which, int) and not named:
            return array  # By the signature's name, or unknown: the call says so.
        info = infos[which] if isinstance(which, int) else named[0]
        if array.ndim == len(info.shape) - 1 and info.shape[0] == 1:
            array = array[None]
        if array.shape != info.shape and array.ndim == len(info.shape):
            logger.info("input %r: planning for shape %s instead of %s", info.name, array.shape, info.shape)
            self._model.resize({info.name: array.shape})
        return array


def summary(name: str, array: Array) -> dict[str, Any]:
    """Describe an array: dtype, shape, extremes, mean and first values."""
    result: dict[str, Any] = {"name": name, "dtype": array.dtype.name, "shape": list(array.shape)}
    if array.size and array.dtype.kind in "biuf":
        result |= {"min": array.min().item(), "max": array.max().item(), "mean": float(array.mean(dtype=np.float64))}
    result["first"] = [v.item() if hasattr(v, "item") else v for v in array.reshape(-1)[:_FIRST]]
    return result


def _groups(files: Sequence[str], inputs: int) -> list[Sequence[str]]:
    if all(f.endswith(".npz") for f in files) or inputs == 1:
        return [[f] for f in files]
    if inputs == 0 or len(files) % inputs:
        raise click.UsageError(f"the model has {inputs} inputs; {len(files)} files do not make whole groups of them")
    return [files[i : i + inputs] for i in range(0, len(files), inputs)]


def _load_npy(file: str) -> Array:
    try:
        array = np.load(file, allow_pickle=False)
    except (ValueError, EOFError, MemoryError) as e:
        raise ValueError(f"{file}: not an array that can be read{_why(e)}") from None
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{file}: an archive of arrays, named .npy")
    return array


def _load_npz(file: str) -> dict[str, Array]:
    import zipfile

    try:
        with np.load(file, allow_pickle=False) as archive:
            return dict(archive.items())
    except (ValueError, EOFError, MemoryError, TypeError, AttributeError, zipfile.BadZipFile) as e:
        raise ValueError(f"{file}: not an archive of arrays that can be read{_why(e)}") from None


def _why(error: Exception) -> str:
    """What numpy says, but for its advice to load what may hold any code."""
    return "" if "allow_pickle" in str(error) else f": {error}"


def _unique(names: Sequence[str]) -> list[str]:
    seen: set[str] = set()
    result = []
    for i, name in enumerate(names):
        result.append(f"{name}#{i}" if name in seen else name)
        seen.add(name)
    return result


def _save(folder: Path, run: int | None, outputs: Mapping[str, Array]) -> None:
    for number, (name, array) in enumerate(outputs.items()):
        # Names of tensors may hold anything, "../" too.
        safe = "".join(c if c.isalnum() or c in "-_" else "_" for c in name)[:80]
        path = folder / f"{'' if run is None else f'{run:04}_'}{number}_{safe}.npy"
        content = io.BytesIO()
        np.save(content, array)
        write_atomically(path, content.getbuffer())
        logger.info("wrote %s", path)


def _show(screen: Any, result: Mapping[str, Any]) -> None:
    files = result["input"]
    name = files if isinstance(files, str) else " ".join(files)
    screen.print(Text(plain(f"{name}  ({result['ms']:.1f} ms)"), style="bold"))
    if "predictions" in result:
        rows = Sheet(">score", ">class", "label", elastic="label")
        for p in result["predictions"]:
            rows.add(f"{100 * p['score']:.1f} %", p["index"], p["label"])
    elif "detections" in result:
        if not result["detections"]:
            screen.print("nothing found")
            return
        rows = Sheet(">score", ">class", "label", ">xmin", ">ymin", ">xmax", ">ymax", elastic="label")
        for d in result["detections"]:
            corners = (f"{d['box'][k]:.1f}" for k in ("xmin", "ymin", "xmax", "ymax"))
            rows.add(f"{100 * d['score']:.1f} %", d["index"], d["label"], *corners)
    else:
        rows = Sheet("output", "dtype", "shape", ">min", ">max", ">mean", "first values", elastic="output")
        for o in result["outputs"]:
            numbers = [_number(o[k]) if k in o else "" for k in ("min", "max", "mean")]
            first = " ".join(_number(v) for v in o["first"])
            rows.add(o["name"], o["dtype"], shape_text(o["shape"]), *numbers, first)
    rows.show(screen)


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
