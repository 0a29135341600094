"""The command line: each command but `inspect`, its JSON and its errors."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import sanderling
from sanderling.cli.terminal import Sheet, count_text, shape_text
from sanderling.seeded import seeded_array
from sanderling.tensor_info import TensorInfo
from tests.support.builder import Net, T, build
from tests.support.commands import failure, json_of, sanderling_, write
from tests.support.shared import ROOT

EFFNET = str(ROOT / "models" / "effnet_lite0_int8.tflite")
COFFEE = str(ROOT / "models" / "coffee.png")


@pytest.fixture
def adder(tmp_path: Path) -> Path:
    """A model with two inputs and two outputs."""
    net = Net()
    a, b = (net.input(T("float32", (1, 3), name=n, signature=(-1, 3))) for n in "ab")
    total = net.op("ADD", [a, b], T("float32", (1, 3), name="sum"), fused_activation_function="NONE")
    other = net.op("SUB", [a, b], T("float32", (1, 3), name="difference"), fused_activation_function="NONE")
    return write(tmp_path / "adder.tflite", net.model([total, other]))


# run


def test_run_classifies_the_sample_picture() -> None:
    text = sanderling_("run", EFFNET, COFFEE).stdout.splitlines()
    assert text[0].startswith(COFFEE)
    assert text[1].split() == ["score", "class", "label"]
    assert text[2] == "94.7 %    967  espresso"
    assert len(text) == 7
    (result,) = json_of("run", EFFNET, COFFEE, "--top", 3, "--threads", 1, "--isa", "portable")["results"]
    assert result["input"] == COFFEE
    assert result["ms"] > 0
    assert [p["index"] for p in result["predictions"]] == [967, 968, 925]
    assert result["predictions"][0]["label"] == "espresso"
    assert result["predictions"][0]["score"] == pytest.approx(0.947, abs=0.001)


def test_run_takes_several_pictures_and_labels(pixels: Path, tmp_path: Path) -> None:
    (tmp_path / "names").write_text("\n".join("abcdefghijkl"))
    np.save(tmp_path / "x.npy", np.arange(12, dtype=np.uint8).reshape(2, 2, 3))
    results = json_of("run", pixels, COFFEE, tmp_path / "x.npy", "--labels", tmp_path / "names", "--top", 1)["results"]
    assert [r["predictions"][0]["label"] for r in results][1] == "l"
    assert len(results) == 2


def test_run_sums_up_other_outputs(adder: Path, tmp_path: Path) -> None:
    for name, values in {"a": [1, 2, 3], "b": [4, 4, 4]}.items():
        np.save(tmp_path / f"{name}.npy", np.array(values, np.float32))
    np.savez(tmp_path / "both.npz", b=np.full((1, 3), 4, np.float32), a=np.array([[1, 2, 3]], np.float32))
    expected = {"name": "sum", "dtype": "float32", "shape": [1, 3], "min": 5, "max": 7, "mean": 6, "first": [5, 6, 7]}
    for inputs in (["a.npy", "b.npy"], ["both.npz"]):
        (result,) = json_of("run", adder, *(tmp_path / i for i in inputs))["results"]
        assert result["outputs"][0] == expected
        assert result["outputs"][1]["first"] == [-3, -2, -1]
    text = sanderling_("run", adder, tmp_path / "both.npz").stdout
    assert "sum         float32  1x3      5    7     6  5 6 7" in text
    wide = np.zeros((4, 3), np.float32)
    np.savez(tmp_path / "wide.npz", a=wide, b=wide)
    failure("run", adder, tmp_path / "a.npy", code=2)


def test_run_plans_for_another_batch(tmp_path: Path) -> None:
    x = T("float32", (1, 3), signature=(-1, 3))
    model = write(tmp_path / "m.tflite", build("RELU", [x], T("float32", (1, 3), signature=(-1, 3))))
    np.save(tmp_path / "x.npy", np.ones((5, 3), np.float32))
    (result,) = json_of("run", model, tmp_path / "x.npy")["results"]
    assert result["outputs"][0]["shape"] == [5, 3]


def test_run_saves_outputs(adder: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "both.npz", a=np.ones((1, 3), np.float32), b=np.ones((1, 3), np.float32))
    out = tmp_path / "deep" / "out"
    sanderling_("run", adder, tmp_path / "both.npz", "--output", out)
    assert sorted(p.name for p in out.iterdir()) == ["0_sum.npy", "1_difference.npy"]
    np.testing.assert_array_equal(np.load(out / "0_sum.npy"), [[2, 2, 2]])
    hostile = build("RELU", [T("float32", (2,))], T("float32", (2,), name="../../x/\x1b[31m"))
    np.save(tmp_path / "x.npy", np.ones(2, np.float32))
    text = sanderling_("run", write(tmp_path / "h.tflite", hostile), tmp_path / "x.npy", "--output", out).stdout
    assert (out / "0_______x___31m.npy").exists()
    assert "\x1b" not in text


def test_run_prints_nan_as_valid_json(tmp_path: Path) -> None:
    model = write(tmp_path / "m.tflite", build("RELU", [T("float32", (2,))], T("float32", (2,))))
    np.save(tmp_path / "x.npy", np.array([np.inf, 1], np.float32))
    result = json_of("run", model, tmp_path / "x.npy")["results"][0]["outputs"][0]
    assert (result["min"], result["max"]) == (1, "inf")


def test_run_errors(adder: Path, pixels: Path, tmp_path: Path) -> None:
    for content in (b"", b"\x93NUMPY\x01\x00garbage"):
        (tmp_path / "bad.npy").write_bytes(content)
        assert "bad.npy: not an array" in failure("run", pixels, tmp_path / "bad.npy", code=1)
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04")
    assert "bad.npz: not an archive" in failure("run", pixels, tmp_path / "bad.npz", code=1)
    (tmp_path / "text.jpg").write_text("x")
    assert "not a picture that Pillow can read" in failure("run", pixels, tmp_path / "text.jpg", code=1)
    assert failure("run", pixels, "nowhere.png", code=1) == "nowhere.png: No such file or directory"
    assert "picture input" in failure("run", adder, COFFEE, COFFEE, code=1)
    assert "the model has 2 inputs; 1 files" in failure("run", adder, COFFEE, code=2)
    assert "--labels" in failure("run", adder, COFFEE, COFFEE, "--labels", "x", code=2)
    np.save(tmp_path / "wrong.npy", np.zeros((2, 2, 3), np.int32))
    assert "takes uint8" in failure("run", pixels, tmp_path / "wrong.npy", code=1)


# bench


def test_bench(pixels: Path) -> None:
    report = json_of("bench", pixels, "--threads", "1,2", "--runs", 7, "--warm-up", 1, "--profile")
    assert [(r["threads"], r["runs"]) for r in report["results"]] == [(1, 7), (2, 7)]
    for row in report["results"]:
        assert 0 < row["min_ms"] <= row["median_ms"] <= row["p90_ms"]
    assert [s["op"] for s in report["steps"]] == ["RESHAPE"]
    assert list(report["ops_ms"]) == ["RESHAPE"]
    text = sanderling_("bench", pixels, "--seconds", 0.05, "--threads", "1").stdout
    assert text.splitlines()[1].split()[:2] == ["threads", "median"]
    assert "bench" not in json_of("bench", pixels, "--runs", 1)


@pytest.mark.parametrize("threads", ["0", "a", "1,,2", "-1", "2000", ""])
def test_bench_refuses_thread_counts(pixels: Path, threads: str) -> None:
    assert "numbers from 1 to 1024" in failure("bench", pixels, "--threads", threads, code=2)


# verify


def test_verify_compares(adder: Path, pixels: Path, tmp_path: Path) -> None:
    reference = tmp_path / "ref.json"
    reference.write_text(sanderling_("verify", pixels, "--json", "--seed", 7, "--count", 2).stdout)
    result = sanderling_("verify", pixels, "--against", reference, "--threads", 2)
    assert f"same as {reference}" in result.stdout.splitlines()
    assert json_of("verify", pixels, "--against", reference)["differences"] == []
    report = json.loads(reference.read_text())
    report["outputs"][0]["sha256"] = "0" * 64
    reference.write_text(json.dumps(report))
    text = sanderling_("verify", pixels, "--against", reference, code=1).stdout
    assert "output 0 ('scores'): values differ" in text
    report["inputs"][0]["shape"] = [1]
    reference.write_text(json.dumps(report))
    differences = json_of("verify", pixels, "--against", reference, code=1)["differences"]
    assert any("input 0 ('picture'): shape is [1, 2, 2, 3], but the reference has [1]" in d for d in differences)
    differences = json_of("verify", adder, "--against", reference, code=1)["differences"]
    assert differences[0] == "the reference was made with another model file (pixels.tflite)"
    differences = json_of("verify", pixels, "--against", reference, "--seed", 1, code=1)["differences"]
    assert differences == ["seed is 1, but the reference has 7: nothing can be compared"]


def test_verify_refuses_other_files(pixels: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    for content in ("", "{", "[]", "{}", "[" * 100_000, '{"format": "sanderling-verify-1", "seed": -1}'):
        bad.write_text(content)
        message = failure("verify", pixels, "--against", bad, code=2)
        assert message.endswith(("not JSON", "not the output of `sanderling verify --json`"))
    assert "No such file" in failure("verify", pixels, "--against", tmp_path / "none", code=1)


def test_verify_hashes_are_those_of_the_arrays(pixels: Path) -> None:
    report = json_of("verify", pixels, "--count", 3, "--seed", 5)
    info = sanderling.load(pixels).inputs[0]
    data = b"".join(seeded_array(info, 0, seed).tobytes() for seed in (5, 6, 7))
    assert report["inputs"][0]["sha256"] == report["outputs"][0]["sha256"] == hashlib.sha256(data).hexdigest()
    assert report["count"] == 3
    assert report["model"] == {"file": "pixels.tflite", "sha256": hashlib.sha256(pixels.read_bytes()).hexdigest()}


def test_verify_is_the_same_everywhere() -> None:
    # Made with LiteRT's reference kernels and the same inputs; any machine must print this.
    report = json_of("verify", EFFNET)
    assert report["inputs"][0]["sha256"].startswith("ea8ce5add47466d1")
    assert report["sha256"] == "868b9f1e03ff95081602129d8c69ff6f5f4e65236c71b081158057fa9817916f"


def mix(z: int) -> int:
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


def test_seeded_values_follow_their_definition() -> None:
    golden = 0x9E3779B97F4A7C15
    for dtype in ("int8", "uint8", "int16", "int32", "int64", "bool", "float32", "float16"):
        for seed, position in ((0, 0), (3, 1), (2**32 - 1, 2)):
            values = seeded_array(TensorInfo("x", (2, 3), dtype), position, seed)
            assert values.dtype == dtype
            assert values.shape == (2, 3)
            start = mix((seed + golden * (position + 1)) % 2**64)
            for k, value in enumerate(values.reshape(-1).tolist()):
                u = mix((start + golden * (k + 1)) % 2**64)
                if dtype.startswith("float"):
                    assert value == (u >> 56) / 128 - 1
                elif dtype in ("int32", "int64", "bool"):
                    assert value == u >> 63
                else:
                    bits = 8 * np.dtype(dtype).itemsize
                    raw = u >> (64 - bits)
                    assert value == (raw - 2**bits if dtype.startswith("int") and raw >= 2 ** (bits - 1) else raw)
    spread = seeded_array(TensorInfo("x", (4096,), "int8"), 0, 0)
    assert len(np.unique(spread)) == 256
    assert seeded_array(TensorInfo("x", (), "int8"), 0, 0).shape == ()
    assert seeded_array(TensorInfo("x", (0, 3), "int8"), 0, 0).size == 0


# doctor


def test_doctor() -> None:
    report = json_of("doctor")
    assert list(report) == ["cpu", "engine", "kernels", "clock", "temperature", "memory", "versions"]
    assert report["engine"]["chosen"] in report["engine"]["instruction_sets"]
    assert "portable" in report["engine"]["instruction_sets"]
    assert report["versions"]["numpy"] == np.__version__
    best = report["kernels"]["conv2d_q8"][0]
    assert best.split("/")[0] in report["engine"]["instruction_sets"]
    shown = sanderling_("doctor").stdout
    assert "instruction sets" in shown
    assert re.search(rf"^  conv2d_q8 +{best}\b", shown, re.MULTILINE)


def test_doctor_says_what_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDERLING_ISA", "portable")
    kernels = json_of("doctor")["kernels"]
    assert {row.split("/")[0] for rows in kernels.values() for row in rows} == {"portable"}


def test_doctor_on_a_raspberry_pi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["sanderling.cli.doctor"]
    policy = tmp_path / "cpu" / "cpufreq" / "policy0"
    zone = tmp_path / "thermal" / "thermal_zone0"
    tools = tmp_path / "bin"
    for folder in (policy, zone, tools):
        folder.mkdir(parents=True)
    (policy / "scaling_governor").write_text("ondemand\n")
    (policy / "scaling_cur_freq").write_text("600000\n")
    (policy / "cpuinfo_max_freq").write_text("nonsense\n")
    (zone / "temp").write_text("48312\n")
    (zone / "type").write_text("cpu-thermal\n")
    (tools / "vcgencmd").write_text("#!/bin/sh\necho throttled=0x50005\n")
    (tools / "vcgencmd").chmod(0o755)
    monkeypatch.setattr(module, "_CPU", tmp_path / "cpu")
    monkeypatch.setattr(module, "_THERMAL", tmp_path / "thermal")
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    report = json_of("doctor")
    assert report["clock"] == {"governor": ["ondemand"], "now_mhz": [600], "lowest_mhz": [], "highest_mhz": []}
    assert report["temperature"]["celsius"] == {"cpu-thermal": 48.312}
    assert report["temperature"]["throttled"]["now"] == ["under-voltage", "throttled"]
    assert "now: under-voltage throttled" in sanderling_("doctor").stdout


# all commands


def test_errors_are_one_line(tmp_path: Path) -> None:
    for command in (["inspect"], ["bench"], ["verify"], ["run", COFFEE]):
        name, *rest = command
        assert failure(name, "nowhere.tflite", *rest, code=1) == "nowhere.tflite: No such file or directory"
        assert "a model file is expected, this is a directory" in failure(name, tmp_path, *rest, code=1)
        assert "looks like text" in failure(name, write(tmp_path / "t.tflite", b"hello there"), *rest, code=1)
    assert "No such command 'fly'" in failure("fly", code=2)
    assert "Missing argument" in failure("bench", code=2)
    assert "'vax' is not one that this CPU can run" in failure("bench", EFFNET, "--isa", "vax", code=1)
    assert "No such option" in failure("bench", EFFNET, "--quick", code=2)


def test_help_and_version() -> None:
    assert sanderling_("--version").stdout == f"sanderling {sanderling.__version__}\n"
    text = sanderling_("-h").stdout
    for command in ("run", "inspect", "bench", "verify", "doctor"):
        assert f"  {command} " in text
        assert "Usage: sanderling " + command in sanderling_(command, "--help").stdout


def test_counts_and_shapes_as_text() -> None:
    cases = {0: "0", 999: "999", 1000: "1 k", 999_499: "999 k", 999_500: "1 M", 4_634_000: "4.63 M", 2e15: "2000 T"}
    for count, text in cases.items():
        assert count_text(count) == text
    assert count_text(1234, "B") == "1.23 kB"
    assert shape_text([1, 2, 3]) == "1x2x3"
    assert shape_text([]) == "scalar"


def test_sheets_fit_the_terminal() -> None:
    sheet = Sheet(">number", "name", "kind", elastic="name")
    sheet.add(1, "a long name " * 20, "x")
    sheet.add(1000, "日本" * 60, "long kind")
    for width in (40, 80, 120):
        screen = Console(width=width, force_terminal=True, color_system=None, soft_wrap=True)
        with screen.capture() as capture:
            sheet.show(screen)
        lines = capture.get().splitlines()
        assert len(lines) == 3
        from rich.cells import cell_len

        assert max(map(cell_len, lines)) <= width
        assert "\N{HORIZONTAL ELLIPSIS}" in lines[1]


def test_numbers_that_are_none(adder: Path, tmp_path: Path) -> None:
    for words in (["bench", adder, "--seconds", "nan"], ["tune", adder, "--seconds", "inf"],
                  ["run", adder, "x.npz", "--threshold", "nan"], ["run", adder, "x.npz", "--mean", "nan"]):  # fmt: skip
        assert "is not a number" in sanderling_(*words, code=2).stderr, words
    np.savez(tmp_path / "x.npz", a=np.array([{}], object), b=np.ones((1, 3), np.float32))
    said = sanderling_("run", adder, tmp_path / "x.npz", code=1).stderr
    assert "x.npz: not an archive of arrays that can be read" in said
    assert "pickle" not in said
