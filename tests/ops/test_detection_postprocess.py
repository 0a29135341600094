from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

import sanderling
from tests.support import oracle
from tests.support.builder import T, build
from tests.support.compare import assert_same

OP = "TFLite_Detection_PostProcess"


def draw_case(seed: int, dtype: str, boxes: int, classes: int, coordinates: int, **options: Any) -> tuple[bytes, list]:
    rng = np.random.default_rng(seed)
    background = int(rng.integers(0, 2))
    results = options["max_detections"] * options["max_classes_per_detection"]

    def value(low: float, high: float, *shape: int) -> tuple[T, np.ndarray]:
        real = rng.uniform(low, high, shape)
        if dtype == "float32":
            return T(dtype, shape), real.astype(np.float32)
        info = np.iinfo(dtype)
        scale = np.float32((high - low) / 255)
        zero_point = int(np.clip(round(info.min - low / scale), info.min, info.max))
        q = np.clip(np.round(real / scale) + zero_point, info.min, info.max).astype(dtype)
        return T(dtype, shape, scale=scale, zero_point=zero_point), q

    encodings, e = value(-3, 3, 1, boxes, coordinates)
    predictions, p = value(0, 1, 1, boxes, classes + background)
    anchors, a = value(0, 1, boxes, 4)
    if dtype == "float32":
        # Distinct scores: between equal ones, the reference's order is that of its standard library.
        p = (rng.permutation(p.size).reshape(p.shape) / p.size).astype(np.float32)
    anchors.data = a
    outputs = [
        T("float32", (1, results, 4)),
        T("float32", (1, results)),
        T("float32", (1, results)),
        T("float32", (1,)),
    ]
    model = build(
        OP, [encodings, predictions, anchors], outputs, custom=True, num_classes=classes,
        y_scale=10.0, x_scale=10.0, h_scale=5.0, w_scale=5.0, **options,
    )  # fmt: skip
    return model, [e, p]


def check(model: bytes, inputs: list[np.ndarray], regular: bool, each: int, classes: int) -> int:
    try:
        theirs = oracle.run(model, inputs)
    except oracle.Refused:
        reject()
    ours = sanderling.load(model)(*inputs)
    count = int(theirs[3][0])
    assert_same(ours[3], theirs[3])
    # The rest of the reference's outputs is not written.
    columns = 1 if regular else min(each, classes)
    valid = [k * (1 if regular else each) + c for k in range(count) for c in range(columns)]
    for k in range(3):
        assert_same(ours[k][:, valid], theirs[k][:, valid], f"output {k}")
        rest = np.delete(ours[k], valid, axis=1)
        assert not rest.any()
    return count


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize("regular", [False, True])
@given(
    seed=st.integers(0, 2**32 - 1),
    boxes=st.integers(1, 40),
    classes=st.integers(1, 6),
    coordinates=st.integers(4, 6),
    detections=st.integers(1, 20),
    each=st.integers(1, 3),
    per_class=st.none() | st.integers(1, 10),
    score=st.sampled_from([0.0, 1e-8, 0.3, 0.7, 1.5]),
    iou=st.sampled_from([0.1, 0.4, 0.6, 1.0]),
)
def test_against_reference(
    dtype: str, regular: bool, seed: int, boxes: int, classes: int, coordinates: int, detections: int, each: int,
    per_class: int | None, score: float, iou: float,
) -> None:  # fmt: skip
    if dtype == "uint8" and not regular:
        each = 1  # among several, equal scores are likely
    options = {} if per_class is None else {"detections_per_class": per_class}
    model, inputs = draw_case(
        seed, dtype, boxes, classes, coordinates, max_detections=detections, max_classes_per_detection=each,
        nms_score_threshold=score, nms_iou_threshold=iou, use_regular_nms=regular, **options,
    )  # fmt: skip
    check(model, inputs, regular, each, classes)


def simple(dtype: str = "float32", **changes: Any) -> tuple[bytes, list[np.ndarray]]:
    options = {
        "max_detections": 10, "max_classes_per_detection": 1, "nms_score_threshold": 0.2, "nms_iou_threshold": 0.5,
        "use_regular_nms": False, "boxes": 30, "classes": 4, "coordinates": 4, "seed": 3, **changes,
    }  # fmt: skip
    return draw_case(dtype=dtype, **options)


@pytest.mark.parametrize("regular", [False, True])
def test_int8_as_uint8(regular: bool) -> None:
    # The reference has no int8; it means the same as uint8 with the zero point moved.
    model, inputs = simple("uint8", use_regular_nms=regular)
    moved, signed = simple("int8", use_regular_nms=regular)
    for a, b in zip(inputs, signed, strict=True):
        np.testing.assert_array_equal(a.astype(int) - 128, b)
    for a, b in zip(sanderling.load(model)(*inputs), sanderling.load(moved)(*signed), strict=True):
        assert_same(b, a, tolerance=1e-6)


def test_of_equal_scores_the_first_wins() -> None:
    model, (encodings, predictions) = simple(max_classes_per_detection=3, nms_iou_threshold=1.0)
    classes = sanderling.load(model)(encodings, np.full_like(predictions, 0.5))[1]
    np.testing.assert_array_equal(classes.reshape(-1, 3), np.tile([0, 1, 2], (10, 1)))


def test_errors() -> None:
    with pytest.raises(sanderling.ModelError, match=rf"{OP}.*'nms_iou_threshold' is 0"):
        sanderling.load(simple(nms_iou_threshold=0.0)[0])
    with pytest.raises(sanderling.ModelError, match=rf"{OP}.*'max_classes_per_detection'"):
        sanderling.load(simple(max_classes_per_detection=0)[0])
    model = sanderling.load(simple()[0])
    with pytest.raises(sanderling.ModelError, match=rf"{OP}.*class predictions"):
        model.resize((1, 30, 4), (1, 29, 5))
    with pytest.raises(sanderling.ModelError, match=rf"{OP}.*anchors have shape"):
        model.resize((1, 31, 4), (1, 31, 5))
