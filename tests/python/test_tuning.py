"""Choices by measurement: what is stored, when it is used, and what happens to a damaged file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import sanderling
from sanderling import _core, tuning
from sanderling.cli.app import cli
from sanderling.tuning import Tuning, find_tuning, store_tuning, tune
from tests.support.convolution import simple

WORST = _core.available_isas()[-1]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SANDERLING_THREADS", raising=False)
    monkeypatch.delenv("SANDERLING_ISA", raising=False)
    content, _ = simple(False, out_c=16).quantized("int8", "int8", 0.5, -7, 0.1)
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    return path


def isa_of(loaded: sanderling.Model) -> str:
    return str(loaded._runner.steps(0)[0]["kernel"]).split("/")[0]


def test_measures(model: Path) -> None:
    found = tune(model, seconds=0, runs=2)
    assert found.threads >= 1
    assert set(found.isas) <= {0}
    assert found.default_ms > 0
    assert found.tuned_ms > 0


def test_load_uses_what_is_stored(model: Path) -> None:
    x = np.random.default_rng(0).integers(-128, 128, (1, 5, 6, 4)).astype(np.int8)
    before = sanderling.load(model)
    assert before.tuning is None
    choice = Tuning(3, {0: WORST}, 2.0, 1.0, fuse=False)
    assert store_tuning(model, choice).name == "model.tflite.tune.json"
    after = sanderling.load(str(model))
    assert after.tuning == choice
    assert (after.threads, isa_of(after)) == (3, WORST)
    assert {step.isa.split("/")[0] for step in after.profile(x, runs=1)} == {WORST}
    np.testing.assert_array_equal(before(x), after(x))


def test_arguments_and_environment_come_first(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    best = _core.available_isas()[0]
    store_tuning(model, Tuning(3, {0: WORST}))
    untouched = sanderling.load(model, tuned=False)
    assert untouched.tuning is None
    assert untouched.threads == sanderling.load(model.read_bytes()).threads
    loaded = sanderling.load(model, threads=2, isa=best)
    assert (loaded.threads, isa_of(loaded)) == (2, isa_of(untouched))
    monkeypatch.setenv("SANDERLING_THREADS", "4")
    monkeypatch.setenv("SANDERLING_ISA", best)
    loaded = sanderling.load(model)
    assert (loaded.threads, isa_of(loaded)) == (4, isa_of(untouched))


def test_holds_for_one_machine_and_one_model(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store_tuning(model, Tuning(3))
    with monkeypatch.context() as other:
        other.setattr(tuning, "_machine", lambda: "another machine")
        assert find_tuning(model) is None
        store_tuning(model, Tuning(5))
        assert find_tuning(model) == Tuning(5)
    assert find_tuning(model) == Tuning(3)
    store_tuning(model, Tuning(2))
    assert find_tuning(model) == Tuning(2)
    assert len(json.loads(Path(f"{model}.tune.json").read_text())["machines"]) == 2
    # Another model under the same name: its predecessor's choices are of no use.
    content, _ = simple(False, out_c=24).quantized("int8", "int8", 0.5, -7, 0.1)
    model.write_bytes(content)
    assert sanderling.load(model).tuning is None
    store_tuning(model, Tuning(1))
    assert len(json.loads(Path(f"{model}.tune.json").read_text())["machines"]) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"threads": 0}, {"threads": "many"}, {"threads": None}, {"isas": {"0": "vax"}}, {"isas": {"first": WORST}},
        {"isas": []}, {"tuned_ms": {}}, {"fuse": "sometimes"}, {"fuse": True},
    ],
)  # fmt: skip
def test_damaged_choices(model: Path, change: dict[str, object]) -> None:
    path = store_tuning(model, Tuning(1))
    content = json.loads(path.read_text())
    content["machines"][0].update(change)
    path.write_text(json.dumps(content))
    with pytest.raises(sanderling.ModelError, match=r"model\.tflite\.tune\.json: damaged"):
        sanderling.load(model)
    assert sanderling.load(model, tuned=False).tuning is None


@pytest.mark.parametrize("text", ["", "[]", "{}", "nonsense", '{"format": "sanderling-tune-1"}', "[" * 100_000])
def test_damaged_files(model: Path, text: str) -> None:
    Path(f"{model}.tune.json").write_text(text)
    with pytest.raises(sanderling.ModelError, match=r"tune\.json: damaged"):
        sanderling.load(model)


def test_command(model: Path) -> None:
    dry = CliRunner().invoke(cli, ["tune", str(model), "--seconds", "0", "--dry-run", "--json"])
    assert dry.exit_code == 0, dry.output
    assert json.loads(dry.stdout)["stored"] is None
    assert find_tuning_or_none(model) is None
    done = CliRunner().invoke(cli, ["tune", str(model), "--seconds", "0"])
    assert done.exit_code == 0, done.output
    assert "stored in" in done.stdout
    stored = find_tuning(model)
    assert stored is not None
    assert sanderling.load(model).threads == stored.threads
    assert CliRunner().invoke(cli, ["tune", str(model.with_name("none"))]).exit_code == 1


def find_tuning_or_none(model: Path) -> Tuning | None:
    return find_tuning(model) if Path(f"{model}.tune.json").exists() else None
