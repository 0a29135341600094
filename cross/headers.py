"""Python's headers of the target, from Debian's packages. Nothing is installed, and root is not needed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from common import CannotBuild, cache
from targets import Target

APT = """\
Dir::State "{state}";
Dir::State::status "{state}/status";
Dir::Cache "{state}/cache";
APT::Architecture "{arch}";
APT::Architectures {{ "{arch}"; }};
APT::Sandbox::User "";
Acquire::Languages "none";
"""


def headers(target: Target, python: str) -> Path:
    """The folder with Python.h and the target's pyconfig.h."""
    folder = cache() / "headers" / f"python{python}-{target.debian}"
    if not (folder / "Python.h").exists():
        if missing := [tool for tool in ("apt-get", "dpkg") if shutil.which(tool) is None]:
            raise CannotBuild(hint(target, python, f"{' and '.join(missing)} missing, this is no Debian or Ubuntu"))
        fetch(target, python, folder)
    return folder


def hint(target: Target, python: str, why: str) -> str:
    return (
        f"no headers of Python {python} for {target.debian}: {why}. Take the Python that your Debian release has "
        f"(--python), or give the folder with that Python's Python.h and pyconfig.h for {target.debian}: --headers DIR"
    )


def fetch(target: Target, python: str, folder: Path) -> None:
    state = cache() / "apt" / target.debian
    for name in ("lists/partial", "cache/archives/partial"):
        (state / name).mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    config = state / "apt.conf"
    config.write_text(APT.format(state=state, arch=target.debian))
    package = f"libpython{python}-dev"

    def apt(*words: str) -> str:
        """Empty, or why it failed."""
        done = subprocess.run(
            ["apt-get", "-q", *words],
            env={**os.environ, "APT_CONFIG": str(config)},
            cwd=state,
            capture_output=True,
            text=True,
        )
        lines = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        return "" if done.returncode == 0 else (lines or ["apt-get failed"])[0]

    print(f"fetching {package}:{target.debian}", flush=True)
    # One index of several may be out of step with its mirror; the others will do.
    update_failed = apt("update")
    if download_failed := apt("download", package):
        raise CannotBuild(hint(target, python, update_failed or download_failed))
    archive = max(state.glob(f"{package}_*.deb"), key=lambda path: path.stat().st_mtime)
    subprocess.run(["dpkg", "-x", archive, state / "unpacked"], check=True)
    include = state / "unpacked" / "usr" / "include"
    # Debian keeps pyconfig.h, the file that differs between architectures, in a folder of its own.
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(include / f"python{python}", partial)
    shutil.copy(include / target.triple / f"python{python}" / "pyconfig.h", partial)
    partial.rename(folder)
    shutil.rmtree(state / "unpacked")
    archive.unlink()
