"""Python's headers of the target, from Debian's packages. Nothing is installed, and root is not needed."""

from __future__ import annotations

import os
import re
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
# A Debian release has one Python 3, testing and unstable have several.
RELEASES = ("stable", "testing", "unstable")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
NOT_DEBIANS = """\
no headers of Python {python} for {target.debian}: {why}. They are on a machine of the target's kind that has \
libpython{python}-dev (Ubuntu 22.04: 3.10, 24.04: 3.12). From it, in an empty folder DIR:
  scp 'pi@raspberrypi.local:/usr/include/python{python}/*.h' DIR
  scp 'pi@raspberrypi.local:/usr/include/{target.triple}/python{python}/pyconfig.h' DIR
  scp -r pi@raspberrypi.local:/usr/include/python{python}/cpython DIR
  python cross/build.py {target.name} --python {python} --headers DIR"""


def headers(target: Target, python: str) -> Path:
    """The folder with Python.h and the target's pyconfig.h."""
    folder = cache() / "headers" / f"python{python}-{target.debian}"
    if not (folder / "Python.h").exists():
        if missing := [tool for tool in ("apt-get", "dpkg") if shutil.which(tool) is None]:
            raise CannotBuild(hint(target, python, f"{' and '.join(missing)} missing, this is no Debian or Ubuntu"))
        fetch(target, python, folder)
    return folder


def check_headers(folder: Path, target: Target, python: str) -> Path:
    """Headers that the user gives, if they are those of this Python and this target."""
    for name in ("Python.h", "pyconfig.h", "patchlevel.h", "cpython/object.h"):
        if not (folder / name).is_file():
            raise CannotBuild(f"--headers {folder}: {name} is not there")
    parts = dict(re.findall(r"#define\s+PY_(MAJOR|MINOR)_VERSION\s+(\d+)", (folder / "patchlevel.h").read_text()))
    found = f"{parts.get('MAJOR')}.{parts.get('MINOR')}"
    if found != python:
        raise CannotBuild(f"--headers {folder}: they are of Python {found}; {python} expected")
    config = (folder / "pyconfig.h").read_text()
    size = re.search(r"#define\s+SIZEOF_VOID_P\s+(\d+)", config)
    if size is None:
        raise CannotBuild(
            f"--headers {folder}: pyconfig.h has no SIZEOF_VOID_P; Debian's and Ubuntu's that says something is in "
            f"/usr/include/{target.triple}/python{python}"
        )
    bits = 64 if target.processor == "aarch64" else 32
    if 8 * int(size[1]) != bits:
        raise CannotBuild(f"--headers {folder}: pyconfig.h is for {8 * int(size[1])} bits; {bits} expected")
    return folder


def hint(target: Target, python: str, why: str) -> str:
    return NOT_DEBIANS.format(target=target, python=python, why=why)


class Apt:
    """apt with a state of its own, for another architecture."""

    def __init__(self, state: Path, target: Target, sources: str | None = None) -> None:
        self.state = state
        for name in ("lists/partial", "cache/archives/partial"):
            (state / name).mkdir(parents=True, exist_ok=True)
        (state / "status").touch()
        self.config = state / "apt.conf"
        text = APT.format(state=state, arch=target.debian)
        if sources is not None:
            (state / "sources.list").write_text(sources)
            text += f'Dir::Etc::sourcelist "{state}/sources.list";\nDir::Etc::sourceparts "-";\n'
        self.config.write_text(text)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "APT_CONFIG": str(self.config), "LC_ALL": "C"}
        return subprocess.run(["apt-get", "-q", *words], env=env, cwd=self.state, capture_output=True, text=True)

    def download(self, package: str) -> Path | str:
        """The package's file, or why there is none."""
        # One index of several may be out of step with its mirror; the others will do.
        updated, downloaded = self.run("update"), self.run("download", package)
        if downloaded.returncode == 0:
            return max(self.state.glob(f"{package}_*.deb"), key=lambda path: path.stat().st_mtime)
        failed = downloaded if updated.returncode == 0 else updated
        lines = [line for line in failed.stderr.splitlines() if line.startswith("E:")]
        return (lines or ["apt-get failed"])[0]

    def mirror(self) -> str | None:
        """Where this machine has its Debian packages from."""
        found = self.run("indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Label: Debian").stdout
        return next(iter(found.splitlines()), None)


def fetch(target: Target, python: str, folder: Path) -> None:
    package = f"libpython{python}-dev"
    print(f"fetching {package}:{target.debian}", flush=True)
    state = cache() / "apt" / target.debian
    apt = Apt(state, target)
    found = apt.download(package)
    mirror = apt.mirror()
    if isinstance(found, str) and mirror is None:
        raise CannotBuild(hint(target, python, f"{found}, and this machine has no Debian mirror"))
    signed = f" [signed-by={KEYRING}]" if KEYRING.is_file() else ""
    for release in RELEASES:
        if isinstance(found, str):
            print(f"{package} is not in this machine's releases of Debian: looking in {release}", flush=True)
            found = Apt(state / release, target, f"deb{signed} {mirror} {release} main\n").download(package)
    if isinstance(found, str):
        raise CannotBuild(hint(target, python, f"none of Debian's releases has them now ({found})"))
    unpacked = state / "unpacked"
    subprocess.run(["dpkg", "-x", found, unpacked], check=True)
    include = unpacked / "usr" / "include"
    # Debian keeps pyconfig.h, the file that differs between architectures, in a folder of its own.
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(include / f"python{python}", partial)
    shutil.copy(include / target.triple / f"python{python}" / "pyconfig.h", partial)
    partial.rename(folder)
    shutil.rmtree(unpacked)
    found.unlink()
