"""Damaged models: a quick share of what `python -m tests.fuzz.damage` does at length."""

import os

import pytest

from tests.fuzz.damage import check
from tests.support.shared import MODELS, shared_model

SEED = int(os.environ.get("SANDERLING_SEED", "1"))


@pytest.mark.parametrize("name", MODELS)
def test_damaged_model_runs_or_is_refused(name: str) -> None:
    path = shared_model(name)
    small = path.stat().st_size < 600_000
    report = check(path, cuts=10, changes=100 if small else 15, seed=SEED)
    assert not report.faults, f"seed {SEED}:\n" + "\n".join(report.faults)
    assert report.ran + report.refused == 110 if small else 25
    assert report.refused >= 5
