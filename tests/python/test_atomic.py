"""Files that are written whole: what was there stays where anything fails."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sanderling._atomic import write_atomically


def test_a_new_file_and_one_that_was_there(tmp_path: Path) -> None:
    file = tmp_path / "x"
    mask = os.umask(0o027)
    try:
        write_atomically(file, b"one")
    finally:
        os.umask(mask)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    file.chmod(0o604)
    write_atomically(file, b"two")
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (b"two", 0o604)
    assert os.listdir(tmp_path) == ["x"]


def test_links_stay_links(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    link = tmp_path / "link"
    link.symlink_to(Path("elsewhere") / "x")
    for content in (b"made", b"again"):
        write_atomically(link, content)
        assert link.is_symlink()
        assert (folder / "x").read_bytes() == content
    assert os.listdir(folder) == ["x"]


def test_pipes_are_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_atomically(pipe, b"through")
    reader.join()
    assert got == [b"through"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize(("name", "error"), [("no/x", FileNotFoundError), ("folder", IsADirectoryError)])
def test_errors_name_the_file(tmp_path: Path, name: str, error: type[OSError]) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(error) as e:
        write_atomically(tmp_path / name, b"x")
    assert e.value.filename == str(tmp_path / name)
    assert os.listdir(tmp_path) == ["folder"]


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"old")
    code = f"""
from sanderling._atomic import write_atomically
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    write_atomically({str(file)!r}, bytes(100_000))
except OSError as e:
    assert e.filename == {str(file)!r}, e
else:
    raise SystemExit("written")
"""
    limited = subprocess.run(
        [sys.executable, "-c", code],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert limited.returncode == 0, limited.stderr
    assert file.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x"]
