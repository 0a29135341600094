"""When workers are woken, and where they work, seen from outside: /proc/self/task."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import sanderling
from tests.support.builder import Net, T

pytestmark = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="this machine has one core")

SMALL = (720, 1)  # 520,000 products in one step: worth sharing, but not worth waking, on any instruction set


def chain(size: int, steps: int = 4) -> sanderling.Model:
    net = Net()
    x = net.input(T("float32", (1, size)))
    for _ in range(steps):
        w = T("float32", (size, size), data=np.eye(size, dtype=np.float32))
        x = net.op("FULLY_CONNECTED", [x, w, None], T("float32", (1, size)))
    return sanderling.load(net.build(outputs=[x]), threads=2)


def wait_for(condition: Callable[[], bool]) -> None:
    """On a machine that has other things to do, too."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


class Watched:
    """A model, and the one thread more that this process has since its first run."""

    def __init__(self, size: int, steps: int = 4) -> None:
        before = set(os.listdir("/proc/self/task"))
        self.model = chain(size, steps)
        self.x = np.ones((1, size), np.float32)
        self.run()
        (self.id,) = {int(t) for t in set(os.listdir("/proc/self/task")) - before}

    def run(self) -> None:
        np.testing.assert_array_equal(self.model(self.x), self.x)

    def naps(self) -> int:
        status = Path(f"/proc/self/task/{self.id}/status").read_text()
        return int(status.split("voluntary_ctxt_switches:")[1].split()[0])

    def _stat(self) -> list[str]:
        return Path(f"/proc/self/task/{self.id}/stat").read_text().rsplit(")", 1)[1].split()

    def core(self) -> int:
        """Where it ran last."""
        return int(self._stat()[36])

    def let_sleep(self) -> None:
        wait_for(lambda: self._stat()[0] == "S")


def test_sleeping_workers_are_woken_for_large_runs_only() -> None:
    runs = 20
    small = Watched(*SMALL)
    for _ in range(3):
        small.run()
    small.let_sleep()
    before = small.naps()
    for _ in range(runs):
        time.sleep(0.003)
        small.run()
    assert small.naps() == before

    large = Watched(2048)
    large.let_sleep()
    before = large.naps()
    large.run()
    wait_for(lambda: large.naps() > before)


def test_short_runs_that_follow_at_once_wake_workers() -> None:
    watched = Watched(*SMALL)
    watched.let_sleep()
    watched.run()
    before = watched.naps()
    for _ in range(200):
        watched.model(watched.x)
    wait_for(lambda: watched.naps() > before)


def test_a_worker_leaves_its_callers_core() -> None:
    watched = Watched(2048)
    cores = os.sched_getaffinity(0)
    home = min(cores)
    os.sched_setaffinity(0, {home})
    try:
        os.sched_setaffinity(watched.id, {home})  # as a scheduler may wake it
        os.sched_setaffinity(watched.id, cores)

        def left() -> bool:
            watched.run()
            return watched.core() != home

        wait_for(left)
    finally:
        os.sched_setaffinity(0, cores)
