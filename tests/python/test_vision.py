"""Classifier and Detector: pictures, labels, metadata, scores, boxes."""

from __future__ import annotations

import importlib.util
import io
import zipfile
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from PIL import Image

import sanderling
from sanderling import ir, labels, metadata
from sanderling.exporters.tflite import to_bytes
from tests.support.builder import Net, T, build_ir, const
from tests.support.shared import MODELS, ROOT, shared_model

EFFNET = ROOT / "models" / "effnet_lite0_int8.tflite"
COFFEE = ROOT / "models" / "coffee.png"


def flattener(dtype: str = "uint8", side: int = 2, channels: int = 3, **quantization: Any) -> ir.Model:
    """A "classifier" whose scores are its pixels."""
    count = side * side * channels
    x = T(dtype, (1, side, side, channels), **quantization)
    return build_ir("RESHAPE", [x, const([1, count])], T(dtype, (1, count), **quantization), new_shape=[1, count])


def plain(model: ir.Model, **options: Any) -> sanderling.Classifier:
    return sanderling.Classifier(to_bytes(model), crop=None, **options)


PIXELS = np.array([[[10, 20, 30], [40, 50, 60]], [[70, 80, 90], [100, 110, 255]]], np.uint8)


@pytest.fixture(scope="module")
def classify() -> sanderling.Classifier:
    return sanderling.Classifier(EFFNET)


def test_the_embedded_model_on_the_sample_picture(classify: sanderling.Classifier) -> None:
    best = classify(COFFEE)
    assert [p.index for p in best] == [967, 968, 925, 960, 504]
    assert [p.label for p in best[:2]] == ["espresso", "cup"]
    assert best[0].score == pytest.approx(0.947, abs=0.0005)
    assert str(best[0]) == "espresso 94.7 %"
    assert [p.score for p in best] == sorted((p.score for p in best), reverse=True)


def test_path_image_and_array_are_the_same(classify: sanderling.Classifier) -> None:
    with Image.open(COFFEE) as picture:
        image = picture.convert("RGB")
    expected = classify(COFFEE)
    for same in (
        str(COFFEE),
        image,
        np.asarray(image),
        np.asarray(image)[::-1][::-1],
        np.asarray(image.convert("RGBA")),
    ):
        assert classify(same) == expected


def test_pictures_are_prepared_as_for_calibration(classify: sanderling.Classifier) -> None:
    spec = importlib.util.spec_from_file_location("build_effnet_lite0", ROOT / "models" / "build_effnet_lite0.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    expected = script.load_pixels(COFFEE).astype(np.int16) - 128
    np.testing.assert_array_equal(classify.prepare(COFFEE)[0], expected)


def test_eight_bit_inputs_take_the_pixels_bytes() -> None:
    for options in ({}, {"scale": 0.007, "zero_point": 3}):
        np.testing.assert_array_equal(plain(flattener("uint8", **options)).prepare(PIXELS)[0], PIXELS)
        signed = plain(flattener("int8", **options)).prepare(PIXELS)[0]
        np.testing.assert_array_equal(signed, PIXELS.astype(np.int16) - 128)
        assert signed.dtype == np.int8


def test_mean_and_std() -> None:
    x = PIXELS.astype(np.float32)
    np.testing.assert_allclose(plain(flattener("float32")).prepare(PIXELS)[0], (x - 127.5) / 127.5, rtol=1e-6)
    np.testing.assert_allclose(plain(flattener("float32"), mean=0, std=1).prepare(PIXELS)[0], x)
    mean, std = [1, 2, 3], [4, 5, 6]
    np.testing.assert_allclose(
        plain(flattener("float32"), mean=mean, std=std).prepare(PIXELS)[0], (x - mean) / std, rtol=1e-6
    )
    # (pixel - 10) / 20 = 0.5 (q - 3)
    quantized = plain(flattener("int8", scale=0.5, zero_point=3), mean=10, std=20).prepare(PIXELS)[0]
    np.testing.assert_array_equal(quantized, np.floor((x - 10) / 20 / 0.5 + 0.5) + 3)
    int16 = plain(flattener("int16", scale=2**-15)).prepare(PIXELS)[0]
    expected = np.clip(np.round((x - 127.5) / 127.5 * 2**15), -(2**15), 2**15 - 1)
    np.testing.assert_allclose(int16, expected, atol=1)


def test_grey_pictures_and_grey_models() -> None:
    grey = np.array([[0, 50], [100, 255]], np.uint8)
    color = plain(flattener())
    np.testing.assert_array_equal(color.prepare(grey)[0], np.repeat(grey[..., None], 3, 2))
    np.testing.assert_array_equal(color.prepare(grey[..., None]), color.prepare(grey))
    one = plain(flattener(channels=1))
    np.testing.assert_array_equal(one.prepare(grey)[0, :, :, 0], grey)
    np.testing.assert_array_equal(one.prepare(np.dstack([grey] * 3))[0, :, :, 0], grey)


def test_all_modes_of_pillow() -> None:
    color = plain(flattener())
    base = Image.fromarray(PIXELS)
    for mode in ("1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "LA", "PA", "RGBX"):
        image = Image.new(mode, (2, 2)) if mode in ("LAB", "LA", "PA") else base.convert(mode)
        assert color.prepare(image).shape == (1, 2, 2, 3)
    deep = Image.fromarray((np.array([[0, 255], [128, 1]], np.uint16) << 8) + 7)
    np.testing.assert_array_equal(color.prepare(deep)[0, :, :, 0], [[0, 255], [128, 1]])
    with pytest.raises(ValueError, match="mode 'F' have no fixed range"):
        color.prepare(base.convert("F"))


def test_crop() -> None:
    # Without scaling, what is cut out stays as it is.
    wide = np.arange(8 * 10 * 3, dtype=np.uint8).reshape(8, 10, 3)
    half = sanderling.Classifier(to_bytes(flattener(side=4)), crop=0.5)
    np.testing.assert_array_equal(half.prepare(wide)[0], wide[2:6, 3:7])
    full = sanderling.Classifier(to_bytes(flattener(side=8)), crop=1.0)
    np.testing.assert_array_equal(full.prepare(wide)[0], wide[:, 1:9])
    assert plain(flattener(side=4)).prepare(wide).shape == (1, 4, 4, 3)
    # The input's own proportions: all of a 1 x 2 picture for a 1 x 2 input.
    x = T("uint8", (1, 2, 4, 3))
    flat = build_ir("RESHAPE", [x, const([1, 24])], T("uint8", (1, 24)), new_shape=[1, 24])
    picture = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    np.testing.assert_array_equal(sanderling.Classifier(to_bytes(flat), crop=1.0).prepare(picture)[0], picture)


def test_exif_orientation(tmp_path: Path) -> None:
    upright = Image.fromarray(np.dstack([np.arange(64, dtype=np.uint8).reshape(8, 8) * 4] * 3))
    exif = Image.Exif()
    exif[0x0112] = 6  # To be turned a quarter clockwise.
    upright.rotate(90).save(tmp_path / "turned.png", exif=exif)
    classify = plain(flattener(side=8))
    np.testing.assert_array_equal(classify.prepare(tmp_path / "turned.png"), classify.prepare(upright))


def test_what_is_no_picture(tmp_path: Path) -> None:
    color = plain(flattener())
    cases: list[tuple[Any, type[Exception], str]] = [
        (None, TypeError, "a picture is a path, a PIL image or a uint8 array, not NoneType"),
        (b"bytes", TypeError, "not bytes"),
        ([[1, 2]], TypeError, "not list"),
        (PIXELS.astype(np.float32), TypeError, "holds uint8 from 0 to 255; this one is float32"),
        (PIXELS.astype(np.int64), TypeError, "int64"),
        (PIXELS[None], ValueError, r"this one is \(1, 2, 2, 3\)"),
        (np.zeros((2, 2, 2), np.uint8), ValueError, r"\(2, 2, 2\)"),
        (np.zeros(4, np.uint8), ValueError, r"\(4,\)"),
        (np.zeros((0, 4, 3), np.uint8), ValueError, "the picture is empty"),
        (tmp_path / "nowhere.png", FileNotFoundError, "nowhere.png"),
        (tmp_path, IsADirectoryError, ""),
    ]
    for picture, error, message in cases:
        with pytest.raises(error) as caught:
            color(picture)
        if message:
            caught.match(message)
    text = tmp_path / "text.png"
    text.write_text("no picture")
    with pytest.raises(ValueError, match=r"text\.png: not a picture that Pillow can read"):
        color(text)
    data = COFFEE.read_bytes()
    text.write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=r"text\.png: damaged picture"):
        color(text)


def test_options_that_do_not_fit() -> None:
    model = to_bytes(flattener("float32"))
    cases: list[tuple[dict[str, Any], str]] = [
        ({"top": 0}, "top is 0"),
        ({"crop": 0.0}, "crop is 0.0"),
        ({"crop": 1.5}, "crop is 1.5"),
        ({"mean": [1, 2]}, r"mean is \[1, 2\]; one number expected, or one for each of 3"),
        ({"std": 0}, "std is 0"),
        ({"mean": float("nan")}, "mean is nan"),
        ({"labels": ["one"]}, "labels: 1 labels, but the model has 12 classes"),
    ]
    for options, message in cases:
        with pytest.raises(ValueError, match=message):
            sanderling.Classifier(model, **options)
    with pytest.raises(TypeError, match="threads is given where the model is loaded"):
        sanderling.Classifier(sanderling.load(model), threads=2)
    with pytest.raises(TypeError, match="sequence of strings"):
        sanderling.Classifier(model, labels=[1, 2])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="no scale: mean and std cannot be applied"):
        sanderling.Classifier(to_bytes(flattener("int8")), mean=1)


def test_models_that_are_no_classifiers() -> None:
    flat = to_bytes(build_ir("RELU", [T("float32", (1, 8))], T("float32", (1, 8))))
    with pytest.raises(ValueError, match=r"picture input is \[1, height, width, 1 or 3\]"):
        sanderling.Classifier(flat)
    same = to_bytes(build_ir("RELU", [T("float32", (1, 8, 8, 3))], T("float32", (1, 8, 8, 3))))
    with pytest.raises(ValueError, match="one output with a score a class expected"):
        sanderling.Classifier(same)
    two = build_ir("ADD", [T("float32", (1, 8, 8, 3)), T("float32", (1, 8, 8, 3))], T("float32", (1, 8, 8, 3)),
                   fused_activation_function="NONE")  # fmt: skip
    with pytest.raises(ValueError, match="it has 2 inputs"):
        sanderling.Classifier(to_bytes(two))


def test_results_are_ranked_and_ties_keep_their_order() -> None:
    picture = np.array([[[9, 9, 3], [9, 1, 1]], [[0, 0, 0], [0, 0, 0]]], np.uint8)
    best = plain(flattener(scale=1.0), top=4)(picture)
    assert [(p.index, p.label) for p in best] == [(0, "0"), (1, "1"), (3, "3"), (2, "2")]
    assert best[0].score == best[2].score == pytest.approx(1 / 3, abs=1e-2)
    assert len(plain(flattener(), top=100)(picture)) == 12


def tail(op: str, **attributes: Any) -> sanderling.Classifier:
    """A float classifier that ends in `op` and a RESHAPE."""
    net = Net()
    x = net.input(T("float32", (1, 1, 1, 3)))
    y = net.op("RESHAPE", [x, const([1, 3])], T("float32", (1, 3)), new_shape=[1, 3])
    y = net.op(op, [y], T("float32", (1, 3)), **attributes) if op else y
    y = net.op("RESHAPE", [y, const([1, 1, 3])], T("float32", (1, 1, 3)), new_shape=[1, 1, 3])
    return plain(net.model([y]), mean=0, std=100)


@pytest.mark.parametrize(
    ("op", "options"),
    [
        ("", {}),
        ("SOFTMAX", {"beta": 1.0}),
        ("LOG_SOFTMAX", {}),
    ],
)
def test_scores_are_probabilities(op: str, options: dict[str, float]) -> None:
    picture = np.array([[[100, 200, 50]]], np.uint8)
    logits = np.array([1, 2, 0.5])
    softmax = np.exp(logits) / np.exp(logits).sum()
    best = tail(op, **options)(picture)
    assert [p.index for p in best] == [1, 0, 2]
    np.testing.assert_allclose([p.score for p in best], softmax[[1, 0, 2]], rtol=1e-4)


def test_scores_that_are_probabilities_already() -> None:
    picture = np.array([[[100, 200, 50]]], np.uint8)
    logits = np.array([1, 2, 0.5])
    best = tail("LOGISTIC")(picture)
    np.testing.assert_allclose([p.score for p in best], 1 / (1 + np.exp(-logits[[1, 0, 2]])), rtol=1e-4)
    # Values that sum to 1 already are left alone.
    best = tail("")(np.array([[[20, 70, 10]]], np.uint8))
    np.testing.assert_allclose([p.score for p in best], [0.7, 0.2, 0.1], rtol=1e-5)


def test_labels_beside_the_model(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(to_bytes(flattener()))
    names = [f"name {i}" for i in range(12)]

    def found() -> list[str]:
        return sanderling.Classifier(path).labels

    assert found() == []
    (tmp_path / "my_labels_x.txt").write_text("\n".join(names) + "\n\n")
    (tmp_path / "a_labels.txt").write_text("too\nfew\n")
    assert found() == names
    (tmp_path / "labels.txt").write_text("background\n" + "\n".join(n.upper() for n in names))
    assert found() == [n.upper() for n in names]
    (tmp_path / "model.txt").write_text("\ufeff" + "\r\n".join(n.title() for n in names))
    assert found() == [n.title() for n in names]
    assert sanderling.Classifier(sanderling.load(path)).labels == found()
    assert sanderling.Classifier(path, labels=names).labels == names
    assert sanderling.Classifier(path, labels=tmp_path / "my_labels_x.txt")(PIXELS)[0].label == "name 11"


def test_labels_packed_into_the_model() -> None:
    packed = io.BytesIO(to_bytes(flattener()))
    packed.seek(0, 2)
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("dict.txt", "\n".join("abcdefghijkl"))
    assert sanderling.Classifier(packed.getvalue()).labels == list("abcdefghijkl")


def test_the_habits_of_label_files() -> None:
    thousand = [f"c{i}" for i in range(1000)]
    assert labels.load_labels(thousand, 1001)[:2] == ["background", "c0"]
    assert labels.load_labels(["background", *thousand], 1000) == thousand
    assert labels.load_labels(["???", "a", "b"], 2) == ["a", "b"]
    assert labels.fit_labels(["x", "a", "b"], 2) is None
    assert labels.fit_labels(["a"], 2) is None
    assert labels.parse_labels("0  person\n2  car\n1: bicycle\n") == ["person", "bicycle", "car"]
    assert labels.parse_labels("3 people\nfew\n") == ["3 people", "few"]
    assert labels.parse_labels("0 a\n0 b\n") == ["0 a", "0 b"]
    assert labels.parse_labels("999999 a\n") == ["999999 a"]
    assert labels.parse_labels("") == []


def model_metadata(mean: list[float], std: list[float], file: str) -> bytes:
    """The TFLITE_METADATA buffer of a classifier."""
    b = flatbuffers.Builder(0)

    def table(**slots: int) -> int:
        b.StartObject(8)
        for slot, offset in slots.items():
            b.PrependUOffsetTRelativeSlot(int(slot[1:]), offset, 0)
        return int(b.EndObject())

    def vector(offsets: list[int]) -> int:
        b.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            b.PrependUOffsetTRelative(offset)
        return int(b.EndVector())

    def floats(values: list[float]) -> int:
        b.StartVector(4, len(values), 4)
        for value in reversed(values):
            b.PrependFloat32(value)
        return int(b.EndVector())

    normalization = table(s0=floats(mean), s1=floats(std))
    b.StartObject(2)
    b.PrependUint8Slot(0, 1, 0)
    b.PrependUOffsetTRelativeSlot(1, normalization, 0)
    unit = b.EndObject()
    name = b.CreateString(file)
    b.StartObject(5)
    b.PrependUOffsetTRelativeSlot(0, name, 0)
    b.PrependInt8Slot(2, 2, 0)
    label_file = b.EndObject()
    graph = table(s2=vector([table(s4=vector([unit]))]), s3=vector([table(s6=vector([label_file]))]))
    b.Finish(table(s3=vector([graph])), file_identifier=b"M001")
    return bytes(b.Output())


def test_metadata_normalisation_and_label_file() -> None:
    model = flattener("float32")
    model.metadata["TFLITE_METADATA"] = model_metadata([1, 2, 3], [4, 5, 8], "second.txt")
    read = metadata.read_metadata(model)
    assert read == metadata.Metadata((1, 2, 3), (4, 5, 8), ("second.txt",))
    packed = io.BytesIO(to_bytes(model))
    packed.seek(0, 2)
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("first.txt", "\n".join("ABCDEFGHIJKL"))
        archive.writestr("second.txt", "\n".join("abcdefghijkl"))
    classify = sanderling.Classifier(packed.getvalue(), crop=None)
    assert classify.labels == list("abcdefghijkl")
    expected = (PIXELS.astype(np.float32) - [1, 2, 3]) / [4, 5, 8]
    np.testing.assert_allclose(classify.prepare(PIXELS)[0], expected, rtol=1e-6)
    told = sanderling.Classifier(packed.getvalue(), crop=None, mean=0, std=1)
    np.testing.assert_array_equal(told.prepare(PIXELS)[0], PIXELS)


def test_damaged_metadata_counts_as_none() -> None:
    whole = model_metadata([1], [2], "a.txt")
    model = flattener("float32")
    rng = np.random.default_rng(0)
    for _ in range(300):
        data = bytearray(whole[: rng.integers(0, len(whole) + 1)])
        for at in rng.integers(0, len(data), 3) if data else ():
            data[at] = rng.integers(0, 256)
        model.metadata["TFLITE_METADATA"] = bytes(data)
        metadata.read_metadata(model)


@pytest.mark.parametrize("name", [n for n in MODELS if n.startswith(("mobilenet", "tf2_mobilenet"))])
def test_labels_of_shared_models_are_packed(name: str) -> None:
    path = shared_model(name)
    read = metadata.read_metadata(sanderling.load(path).ir)
    assert read == metadata.Metadata((127.5,), (127.5,), ("imagenet_labels.txt",))
    assert sanderling.Classifier(path)(COFFEE)[0].label == "espresso"


def detector_model(order: tuple[int, ...] = (0, 1, 2, 3), side: int = 4) -> ir.Model:
    """A detector: three anchors, two classes; what it finds does not depend on the picture."""
    net = Net()
    x = net.input(T("uint8", (1, side, side, 3), scale=1.0))
    boxes = const(np.zeros((1, 3, 4), np.float32))
    scores = const(np.array([[[0, 0.9, 0.1], [0, 0.2, 0.7], [0, 0.3, 0.1]]], np.float32))
    # Centre y, centre x, height, width; the second reaches over the picture's edge.
    anchors = const(np.array([[0.25, 0.5, 0.5, 1.0], [0.75, 1.0, 0.5, 0.5], [0.1, 0.1, 0.1, 0.1]], np.float32))
    results = net.op(
        "TFLite_Detection_PostProcess", [boxes, scores, anchors],
        [T("float32", s) for s in ((1, 10, 4), (1, 10), (1, 10), (1,))], custom=True,
        max_detections=10, max_classes_per_detection=1, detections_per_class=100, use_regular_nms=False,
        nms_score_threshold=0.0, nms_iou_threshold=0.5, num_classes=2, y_scale=10.0, x_scale=10.0, h_scale=5.0,
        w_scale=5.0,
    )  # fmt: skip
    # The picture is used, so that it is an input like any other.
    net.op("RESHAPE", [x, const([3 * side * side])], T("uint8", (3 * side * side,), scale=1.0), new_shape=[-1])
    return net.model([results[i] for i in order])


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 0, 3, 1), (3, 2, 1, 0)])
def test_detector(order: tuple[int, ...]) -> None:
    picture = Image.new("RGB", (200, 100))
    detect = sanderling.Detector(to_bytes(detector_model(order)), labels=["cat", "dog"])
    first, second = detect(picture)
    assert (first.index, first.label) == (0, "cat")
    assert first.score == pytest.approx(0.9)
    np.testing.assert_allclose([first.box.xmin, first.box.ymin, first.box.xmax, first.box.ymax], [0, 0, 200, 50])
    assert (first.box.width, first.box.height) == (200, 50)
    assert (second.index, second.label) == (1, "dog")
    np.testing.assert_allclose(
        [second.box.xmin, second.box.ymin, second.box.xmax, second.box.ymax], [150, 50, 200, 100]
    )
    assert str(first) == "cat 90.0 % at (0, 0) to (200, 50)"
    assert len(sanderling.Detector(to_bytes(detector_model(order)), threshold=0.25)(picture)) == 3
    assert len(sanderling.Detector(to_bytes(detector_model(order)), threshold=0.0, top=1)(picture)) == 1
    assert [d.label for d in sanderling.Detector(to_bytes(detector_model(order)))(picture)] == ["0", "1"]


def test_detector_refuses() -> None:
    with pytest.raises(ValueError, match="a model that ends in TFLite_Detection_PostProcess expected"):
        sanderling.Detector(to_bytes(flattener()))
    for options, message in (
        ({"threshold": 2}, "threshold is 2"),
        ({"top": 0}, "top is 0"),
        ({"labels": ["x"]}, "1 labels"),
    ):
        with pytest.raises(ValueError, match=message):
            sanderling.Detector(to_bytes(detector_model()), **options)
