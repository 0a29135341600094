"""What a model was planned to run."""

from __future__ import annotations

import sanderling


def steps(model: sanderling.Model) -> list[str]:
    """Operators of the main graph's steps, in order."""
    return [step["op"] for step in model._runner.steps(0)]
