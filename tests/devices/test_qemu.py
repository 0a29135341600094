"""`--device qemu://`: the program for 64-bit ARM on emulated CPUs of this machine."""

from __future__ import annotations

import json
import os
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.python.test_compiled import classifier
from tests.python.test_fp16 import convolution
from tests.support.commands import sanderling_
from tests.support.programs import bench_folder, elf, program


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model, and one for temporary files of the emulated device."""
    program("qemu-aarch64", "qemu-user")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "small.tflite").write_bytes(classifier())
    return tmp_path


def bench(*args: object, code: int = 0) -> Result:
    return sanderling_("bench", *args, code=code)


class _Tags(HTMLParser):
    """Elements that are open, and what would be loaded from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.foreign: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)
        self.foreign += [v for k, v in attrs if k in ("src", "href") and v]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_compares_cpus(room: Path) -> None:
    page = room / "page.html"
    result = bench(room / "small.tflite", "--device", "qemu://cortex-a72", "--device", "qemu://max", "--runs", 3,
                   "--binaries", bench_folder("aarch64"), "--json", "--html", page)  # fmt: skip
    report = json.loads(result.stdout)
    assert report["failures"] == []
    assert [r["bench"]["isa"] for r in report["results"]] == ["neon", "neon_i8mm"]
    for r in report["results"]:
        assert r["bench"]["outputs"] == "same"
        assert not r["trustworthy"]
        assert r["emulator"] in r["doubts"][0]
        assert r["before"]["celsius"] == {}, "this machine's temperature is not the device's"
    text = page.read_text()
    tags = _Tags()
    tags.feed(text)
    assert tags.open == []
    assert tags.foreign == []
    for word in ("qemu://cortex-a72", "qemu://max", "CONV_2D", "FULLY_CONNECTED", "emulated"):
        assert word in text
    assert os.listdir(room / "tmp") == []


def test_fp16(room: Path) -> None:
    (room / "float.tflite").write_bytes(convolution(9, 32, 32))
    there = ["--device", "qemu://cortex-a76", "--runs", 1, "--binaries", bench_folder("aarch64")]

    def measured(*options: object) -> dict[str, Any]:
        (result,) = json.loads(bench(room / "float.tflite", *there, *options, "--json").stdout)["results"]
        found: dict[str, Any] = result["bench"]
        assert found["fp16_steps"] == sum(s["kernel"].startswith("neon_fp16/") for s in found["steps"])
        return found

    assert measured()["fp16_steps"] == 0
    half = measured("--fp16")
    assert (half["fp16_steps"], half["outputs"]) == (1, "not compared")
    assert 0 < half["packed_at_load"] < 0.6 * measured()["packed_at_load"]
    # Integer networks are what they are.
    whole = json.loads(bench(room / "small.tflite", *there, "--fp16", "--json").stdout)["results"][0]["bench"]
    assert (whole["fp16_steps"], whole["outputs"]) == (0, "same")
    said = bench(room / "float.tflite", *there, "--fp16", "--isa", "neon", code=1).stderr
    assert "fp16: its kernels are not among those of instruction set 'neon'" in said
    there[1] = "qemu://cortex-a72"
    assert "fp16: this CPU has no fp16 arithmetic" in bench(room / "float.tflite", *there, "--fp16", code=1).stderr


def at(report: Any, path: list[Any]) -> Any:
    for key in path:
        report = report[key]
    return report


def test_reports_that_are_none(room: Path) -> None:
    good = bench(room / "small.tflite", "--device", "qemu://max", "--runs", 2, "--binaries", bench_folder("aarch64"),
                 "--json").stdout  # fmt: skip
    report = json.loads(good)
    damaged = []
    for path in (["format"], ["results"], ["results", 0], ["results", 0, "identity", "cpu"],
                 ["results", 0, "bench", "steps", 0, "ms"], ["results", 0, "bench", "runs_ms"],
                 ["results", 0, "after", "celsius"], ["results", 0, "before", "governor"],
                 ["results", 0, "bench", "clock_khz", "after"]):  # fmt: skip
        damaged.append(json.loads(good))
        at(damaged[-1], path[:-1])[path[-1]] = None
    for path in (["results", 0, "before"], ["results", 0, "cores"], ["results", 0, "before", "throttled"]):
        damaged.append(json.loads(good))
        del at(damaged[-1], path[:-1])[path[-1]]
    for place, value in (("governor", [1]), ("celsius", {"cpu": "hot"}), ("throttled", 7)):
        damaged.append(json.loads(good))
        damaged[-1]["results"][0]["before"][place] = value
    for number, content in enumerate([b"{", b"[]", *(json.dumps(d).encode() for d in damaged)]):
        (room / "report.json").write_bytes(content)
        said = bench(room / "small.tflite", "--device", "qemu://max", "--with", room / "report.json", code=2).stderr
        assert said.count("\n") == 1, number
        assert "report.json: not" in said
    assert len(report["results"]) == 1


def test_a_device_that_fails_does_not_stop_the_others(room: Path) -> None:
    result = bench(room / "small.tflite", "--device", "qemu://no-such-cpu", "--device", "qemu://cortex-a53", "--runs",
                   2, "--binaries", bench_folder("aarch64"), "--json", code=1)  # fmt: skip
    report = json.loads(result.stdout)
    assert [r["device"] for r in report["results"]] == ["qemu://cortex-a53"]
    assert [f["device"] for f in report["failures"]] == ["qemu://no-such-cpu"]
    assert result.stderr.count("\n") == 1
    nobody = bench(room / "small.tflite", "--device", "qemu://no-such-cpu", "--binaries", bench_folder("aarch64"),
                   "--json", code=1)  # fmt: skip
    assert len(json.loads(nobody.stdout)["failures"]) == 1


def test_missing_instruction(room: Path) -> None:
    elf(room / "bins", 183, bytes(4))
    said = bench(room / "small.tflite", "--device", "qemu://cortex-a72", "--binaries", room / "bins", code=1).stderr
    assert "its CPU lacks an instruction" in said
    assert os.listdir(room / "tmp") == []


def test_no_emulator(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(room))
    said = bench(room / "small.tflite", "--device", "qemu://cortex-a72", code=1).stderr
    assert said == "sanderling: qemu://cortex-a72: there is no qemu-aarch64 here: apt-get install qemu-user\n"
