"""Models in forked processes, which have the memory of their parent but none of its threads."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import sanderling
from sanderling import kernels
from tests.support.builder import adder
from tests.support.commands import python

SIZE = (256, 256)  # large enough for threads to share it
X = np.ones(SIZE, np.float32)


def load_adder(threads: int = 2) -> sanderling.Model:
    return sanderling.load(adder(SIZE), threads=threads)


def in_child(work: Callable[[], bool]) -> int:
    """The exit code of a forked process that does the work: 0 where it returns True, -14 where it waits for ever."""
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        code = 4
        with contextlib.suppress(BaseException):
            code = 0 if work() else 3
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def tasks() -> int:
    return len(os.listdir("/proc/self/task"))


def right(model: sanderling.Model) -> bool:
    return np.array_equal(model(X, X), X + X)


@contextlib.contextmanager
def running(model: sanderling.Model) -> Iterator[None]:
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            model(X, X)

    inside = threading.Thread(target=work)
    inside.start()
    try:
        yield
    finally:
        stop.set()
        inside.join()


def test_a_child_is_not_locked_out() -> None:
    """Also where another thread was inside the model at the fork."""
    model = load_adder()
    with running(model):
        for _ in range(20):
            assert in_child(lambda: right(model)) == 0


def test_a_child_has_threads_of_its_own() -> None:
    model = load_adder(threads=3)
    assert right(model)

    def work() -> bool:
        alone = tasks()
        return right(model) and right(model) and tasks() == alone + 2

    assert in_child(work) == 0
    assert right(model)


def test_a_child_calls_kernels() -> None:
    """Also where another thread was in one, and its model was making place for the next."""
    stop = threading.Event()
    small = [np.ones((8, 8 + i), np.float32) for i in range(60)]

    def work() -> None:
        while not stop.is_set():
            for x in small:
                kernels.add(x, x, threads=3)

    others = [threading.Thread(target=work) for _ in range(3)]
    for thread in others:
        thread.start()
    try:
        for _ in range(10):
            assert in_child(lambda: np.array_equal(kernels.add(X, X), X + X)) == 0
    finally:
        stop.set()
        for thread in others:
            thread.join()


def test_a_child_frees_models() -> None:
    """Their workers sleep in the parent: to destroy what they wait for would wait for them."""
    models = [load_adder()]
    assert right(models[0])
    time.sleep(0.1)

    def work() -> bool:
        models.clear()
        gc.collect()
        return right(load_adder())

    assert in_child(work) == 0
    assert right(models[0])


def test_a_child_frees_models_that_ran_there() -> None:
    models = [load_adder()]
    assert right(models[0])

    def work() -> bool:
        good = right(models[0])
        models.clear()
        gc.collect()
        return good

    assert in_child(work) == 0


@pytest.mark.skipif("libasan" in os.environ.get("LD_PRELOAD", ""), reason="a sanitizer takes all address space")
def test_fewer_threads_than_asked_for() -> None:
    """Where the system gives no more threads, those that are there take all the work."""
    code = """
import resource
from tests.python.test_fork import load_adder, right
model = load_adder(threads=8)
taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + (20 << 20),) * 2)  # room for the stacks of two
assert right(model) and right(model)
"""
    done = python("-c", code)
    assert (done.returncode, done.stderr) == (0, "")
