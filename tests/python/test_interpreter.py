"""What the library does when Python ends, is interrupted, or has a second interpreter."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import sanderling
from tests.support.builder import adder
from tests.support.commands import python

PROLOGUE = """
import os, signal, sys, threading, time
import numpy as np, sanderling
from tests.python.test_fork import SIZE, X, load_adder
from tests.support.builder import T, build
"""


def run_code(code: str) -> subprocess.CompletedProcess[str]:
    return python("-c", PROLOGUE + textwrap.dedent(code))


WORK = {
    "run": "m = load_adder(threads)\nwhile True: m(X, X)",
    "load": "while True: load_adder(threads)(X, X)",
    "resize": "m = load_adder(threads)\nwhile True:\n    m.resize((9, 9), (9, 9)); m.resize(SIZE, SIZE)",
    "kernels": "while True: sanderling.kernels.add(X, X, threads=threads)",
    "callback": """
sanderling.register_op("Same", lambda x: x)
m = sanderling.load(build("Same", [T("float32", SIZE)], T("float32", SIZE), custom=True), threads=threads)
while True: m(X)""",
}


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("work", WORK)
def test_daemon_threads_at_the_end(work: str, threads: int) -> None:
    """Python keeps them from going on wherever they ask for its lock; that ended in std::terminate."""
    body = textwrap.indent(WORK[work], "    ")
    done = run_code(f"""
threads = {threads}
def work():
{body}
for _ in range(3): threading.Thread(target=work, daemon=True).start()
time.sleep(0.3)
""")
    assert (done.returncode, done.stderr) == (0, "")


def test_no_python_code_but_the_functions(tmp_path: Path) -> None:
    """A daemon thread that is ended within other Python code, with C++ around it, crashes.

    pybind11 asks numpy for its version with Python code, and numpy's types have names by Python code.
    """
    done = run_code(f"""
        import numpy.lib
        numpy.lib.NumpyVersion = None
        sanderling.register_op("Same", lambda x: x)
        m = sanderling.load(build("Same", [T("float32", SIZE)], T("float32", SIZE), custom=True))
        m(X), m(X.tolist()), m.run([X]), m.profile(X), m.tensors(X)
        calls = []
        sys.setprofile(lambda frame, event, _: calls.append(frame.f_code.co_name) if event == "call" else None)
        m(X)
        sys.setprofile(None)
        assert calls == ["__call__", "<lambda>"], calls

        path = {str(tmp_path / "adder.sand")!r}
        q = [T("int8", (4,), 0.5), T("int8", (4,), 0.5, data=np.ones(4, np.int8))]
        sanderling.compile_model(build("ADD", q, T("int8", (4,), 1.0), fused_activation_function="NONE"), path)
        m = sanderling.load(path)
        m(np.ones(4, np.int8)), m.ir.graphs[0].tensors
    """)
    assert (done.returncode, done.stderr) == (0, "")


def test_interrupted_while_another_thread_has_the_model() -> None:
    done = run_code("""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        inside = threading.Event()
        def slow(x):
            inside.set()
            time.sleep(30)
            return x
        sanderling.register_op("Slow", slow)
        m = sanderling.load(build("Slow", [T("float32", (4,))], T("float32", (4,)), custom=True))
        x = np.zeros(4, np.float32)
        threading.Thread(target=m, args=(x,), daemon=True).start()
        inside.wait()
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            m(x)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        os._exit(0)
    """)
    assert (done.stdout, done.stderr) == ("interrupted\n", "")


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="this Python has no module _xxsubinterpreters")
def test_a_second_interpreter_is_refused() -> None:
    done = run_code("""
        import _xxsubinterpreters as interpreters
        other = interpreters.create()
        path = [p for p in sys.path if os.path.isdir(os.path.join(p, "sanderling"))][0]
        interpreters.run_string(other, f"import sys; sys.path[:0] = [{path!r}]\\nimport sanderling._core")
    """)
    assert "ImportError" in done.stderr
    assert "main interpreter" in done.stderr


def test_models_are_not_copied() -> None:
    model = sanderling.load(adder())
    for make in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="load its file again"):
            make(model)


def command(code: str, *args: object) -> subprocess.Popen[str]:
    program = textwrap.dedent(code) + f"\nimport sys; sys.argv[1:] = {[str(a) for a in args]!r}\n"
    program += "from sanderling.cli import main; main()"
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_no_half_written_file(number: signal.Signals, tmp_path: Path) -> None:
    source = tmp_path / "m.tflite"
    source.write_bytes(adder())
    slow_disk = """
        import os, signal, time
        signal.signal(signal.SIGINT, signal.default_int_handler)  # what starts the tests may leave them ignored
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        def fsync(handle):
            print("writing", flush=True)
            time.sleep(30)
        os.fsync = fsync
    """
    child = command(slow_disk, "compile", source, "-o", tmp_path / "m.sand")
    assert child.stdout is not None
    assert child.stdout.readline() == "writing\n"
    child.send_signal(number)
    child.communicate(timeout=20)
    assert child.returncode == 128 + number
    assert os.listdir(tmp_path) == ["m.tflite"]


def test_commands_without_an_output() -> None:
    for args in (["doctor"], ["--help"]):
        program = (
            f"import os, sys; os.close(1); os.execv(sys.executable, [sys.executable, '-m', 'sanderling', *{args}])"
        )
        done = subprocess.run([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/mod\xff.tflite")
    Path(name).write_bytes(adder((2,)))
    compiled = name.replace(".tflite", ".sand")
    sanderling.compile_model(name, compiled)
    x = np.float32([1, 2])
    for source in (name, compiled):
        np.testing.assert_array_equal(sanderling.load(source)(x, x), x + x)
    with open(compiled, "r+b") as file:
        file.truncate(200)
    with pytest.raises(sanderling.ModelError, match=r"mod.*\.sand"):
        sanderling.load(compiled)
