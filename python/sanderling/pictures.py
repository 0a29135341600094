"""From a picture to a model's input: open, crop, resize, normalise."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sanderling.tensor_info import TensorInfo

if TYPE_CHECKING:
    from PIL.Image import Image

    Picture = str | os.PathLike[str] | Image | npt.NDArray[np.uint8]

_DEFAULT_MEAN = _DEFAULT_STD = (127.5,)


def open_picture(picture: Picture) -> Image:
    """Return a picture as a PIL image.

    Parameters
    ----------
    picture : path, PIL image, or ndarray of uint8
        Arrays are [height, width] or [height, width, channels] with 1 (grey), 3 (RGB) or 4 (RGBA) channels. Files are
        turned upright as their EXIF orientation says; transparency is ignored.

    Raises
    ------
    TypeError, ValueError
        Not a picture; the message says why.
    FileNotFoundError
    """
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError:
        raise ImportError("pictures need Pillow: pip install 'sanderling[cli]'") from None
    if isinstance(picture, np.ndarray):
        return _from_array(picture)
    if isinstance(picture, Image.Image):
        return picture
    if not isinstance(picture, (str, os.PathLike)):
        raise TypeError(f"a picture is a path, a PIL image or a uint8 array, not {type(picture).__name__}")
    name = os.fspath(picture)
    try:
        with Image.open(name) as file:
            return ImageOps.exif_transpose(file).copy()
    except UnidentifiedImageError:
        raise ValueError(f"{name}: not a picture that Pillow can read") from None
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except (OSError, SyntaxError, Image.DecompressionBombError) as e:
        raise ValueError(f"{name}: damaged picture: {e}") from None


def _from_array(array: npt.NDArray[Any]) -> Image:
    from PIL import Image

    if array.dtype != np.uint8:
        raise TypeError(f"a picture array holds uint8 from 0 to 255; this one is {array.dtype}")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise ValueError(
            f"a picture array is [height, width] or [height, width, 1, 3 or 4 channels]; this one is {array.shape}"
        )
    if 0 in array.shape:
        raise ValueError(f"the picture is empty: {array.shape}")
    return Image.fromarray(np.ascontiguousarray(array))


def _convert(image: Image, mode: str) -> Image:
    if image.mode.startswith("I;16"):
        from PIL import Image as module

        image = module.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode in ("I", "F"):
        raise ValueError(f"pictures of mode {image.mode!r} have no fixed range; convert the picture to 8 bits first")
    return image if image.mode == mode else image.convert(mode)


class Preparation:
    """How pictures become the input of one model.

    Parameters
    ----------
    info : TensorInfo
        The input: [1, height, width, channels] with 1 (grey) or 3 (RGB) channels.
    crop : float or None
        The centre rectangle of the input's proportions, `crop` times the largest that fits, is cut out and resized.
        None stretches the whole picture.
    mean, std : float or sequence of float, optional
        (pixel - mean) / std is what the model is to see, for each channel. Without them, 8-bit inputs take the pixel's
        own byte (uint8: the pixel, int8: the pixel - 128), others (pixel - 127.5) / 127.5.

    Raises
    ------
    ValueError
        The input does not take a picture, or an option is out of range.
    """

    def __init__(self, info: TensorInfo, crop: float | None, mean: float | Sequence[float] | None,
                 std: float | Sequence[float] | None) -> None:  # fmt: skip
        if not is_picture(info):
            raise ValueError(
                f"input {info.name!r} is {info.dtype} {list(info.shape)}; a picture input is [1, height, width, 1 or 3]"
            )
        if crop is not None and not 0 < crop <= 1:
            raise ValueError(f"crop is {crop}; more than 0 and at most 1 expected, or None")
        self._info = info
        self._crop = crop
        _, self._height, self._width, self._channels = info.shape
        self._raw = mean is None and std is None and info.dtype in ("int8", "uint8")
        self._mean = self._per_channel("mean", _DEFAULT_MEAN if mean is None else mean)
        self._std = self._per_channel("std", _DEFAULT_STD if std is None else std)
        if not self._std.all():
            raise ValueError("std is 0")
        if not self._raw and info.scale is None and not info.dtype.startswith("float"):
            raise ValueError(f"input {info.name!r} ({info.dtype}) has no scale: mean and std cannot be applied")

    def _per_channel(self, name: str, values: float | Sequence[float]) -> npt.NDArray[np.float32]:
        array = np.atleast_1d(np.asarray(values, np.float32))
        if array.shape not in ((1,), (self._channels,)) or not np.isfinite(array).all():
            raise ValueError(f"{name} is {values}; one number expected, or one for each of {self._channels} channels")
        return array

    def __call__(self, image: Image) -> npt.NDArray[Any]:
        """Return the model's input for a picture, in the input's dtype and shape."""
        pixels = self._pixels(image)
        if self._raw:
            return pixels if self._info.dtype == "uint8" else (pixels ^ 0x80).view(np.int8)
        real = (pixels.astype(np.float32) - self._mean) / self._std
        return real.astype(self._info.dtype) if self._info.scale is None else self._info.quantize(real)

    def _pixels(self, image: Image) -> npt.NDArray[np.uint8]:
        """Return uint8 [1, height, width, channels]: bicubic, antialiased."""
        from PIL import Image as module

        image = _convert(image, "RGB" if self._channels == 3 else "L")
        box = None
        if self._crop is not None:
            width = self._crop * min(image.width, image.height * self._width / self._height)
            height = self._crop * min(image.height, image.width * self._height / self._width)
            left, top = (image.width - width) / 2, (image.height - height) / 2
            box = (left, top, left + width, top + height)
        resized = image.resize((self._width, self._height), module.Resampling.BICUBIC, box=box)
        return np.asarray(resized, np.uint8).reshape(self._info.shape)


def is_picture(info: TensorInfo) -> bool:
    """Tell whether an input can take a picture: [1, height, width, 1 or 3] of a numeric type."""
    return (
        len(info.shape) == 4
        and info.shape[0] == 1
        and info.shape[3] in (1, 3)
        and min(info.shape) > 0
        and info.dtype in ("int8", "uint8", "int16", "float16", "float32")
    )
