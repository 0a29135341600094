"""What the documentation lists is what there is."""

import re

from sanderling import _core
from tests.support.shared import ROOT


def test_operators_are_listed() -> None:
    text = (ROOT / "docs" / "operators.md").read_text()
    rows = "\n".join(line.split("|")[1] for line in text.splitlines() if line.startswith("| "))
    listed = set(re.findall(r"\b(?:[A-Z][A-Z0-9_]+|TFLite_Detection_PostProcess)\b", rows))
    assert listed == set(_core.operators())


def test_rows_are_sorted_and_single() -> None:
    names = re.findall(r"^SANDERLING_OP\((\w+),", (ROOT / "csrc/ops/ops.inc").read_text(), re.M)
    assert names == sorted(set(names), key=lambda n: n)
