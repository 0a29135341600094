#!/usr/bin/env bash
# Unpack a Debian userland with Python 3.11 and the tests' packages, running nothing in it:
#   cross/emulated/rootfs.sh [aarch64|armv7|armv6 [DIR]]        (default aarch64, build/rootfs-arm64)
# Needs root and: apt-get install mmdebstrap arch-test qemu-user
set -euo pipefail
cd "$(dirname "$0")/../.."
. cross/emulated/target.sh
target_of_preset "${1:-aarch64}"
dir=${2:-build/rootfs-$arch}
packages=python3,python3-dev,libstdc++6,libgomp1,libpython3.11-dev mirror=()
# There is no numpy, and no pillow, for 32 bits on PyPI. Debian's index of security updates for them is at times out of step.
[ "$arch" = arm64 ] || packages+=,python3-numpy,python3-pil mirror=(http://deb.debian.org/debian)
mkdir -p "$(dirname "$dir")"
exec 9>"$dir.lock" && flock 9  # one at a time
[ -e "$dir/complete" ] && exit
if [ ! -e "$dir/usr/bin/python3.11" ]; then
  mmdebstrap --quiet --variant=extract --architectures="$arch" --include="$packages" bookworm "$dir" \
    "${mirror[@]}"
fi
# Debian keeps pyconfig.h, the file that differs between architectures, in a folder of its own.
mkdir -p "$dir/python-headers"
cp -r "$dir"/usr/include/python3.11/. "$dir/python-headers"
cp "$dir/usr/include/$triple/python3.11/pyconfig.h" "$dir/python-headers"
install() { # pip's arguments
  python3 -m pip install --quiet --quiet --disable-pip-version-check --root-user-action=ignore --target "$dir/site" \
    --upgrade --only-binary=:all: --python-version 3.11 --implementation cp --abi cp311 --abi abi3 --abi none \
    --platform any "$@"
}
tests=("flatbuffers>=23.5" "click>=8.2" "rich>=13" "hypothesis>=6.100" "pytest>=8" "pytest-timeout>=2.3"
  "pytest-xdist>=3.5")
if [ "$arch" = arm64 ]; then
  # LiteRT reads the CPU's topology from /proc/cpuinfo, where qemu shows the host's: give each emulated core its own.
  cores() { # name, part, further features
    mkdir -p "$dir/cpuinfo/$1"
    for i in 0 1; do
      printf 'processor\t: %d\nFeatures\t: fp asimd crc32 cpuid%s\nCPU implementer\t: 0x41\n' "$i" "$3"
      printf 'CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: %s\nCPU revision\t: 4\n\n' "$2"
    done >"$dir/cpuinfo/$1/cpuinfo"
  }
  cores cortex-a53 0xd03 ""
  cores cortex-a72 0xd08 ""
  cores cortex-a76 0xd0b " asimddp"
  cores max 0xd49 " asimddp i8mm"
  platforms=()
  for p in 2_17 2_27 2_28 2_34; do platforms+=(--platform "manylinux_${p}_aarch64"); done
  install "${platforms[@]}" --platform manylinux2014_aarch64 "numpy>=2" ai-edge-litert==2.3.0 "pillow>=9.1" \
    "tflite>=2.18" "pytest-benchmark>=4" "${tests[@]}"
else
  # PyPI has no numpy for 32 bits; Debian's is numpy 1, which gets numpy 2's names, as the tests' oracle pickles them.
  install "${tests[@]}"
  install --no-deps "tflite>=2.18"
  [ "$arch" = armel ] || install --no-deps --platform manylinux_2_34_armv7l tflite-runtime==2.14.0
  numpy=$dir/usr/lib/python3/dist-packages/numpy
  mkdir -p "$numpy/_core"
  echo 'from numpy.core import *' >"$numpy/_core/__init__.py"
  echo 'from numpy.core.multiarray import *; from numpy.core.multiarray import _reconstruct, scalar' >"$numpy/_core/multiarray.py"
  echo 'from numpy.core.numeric import *; from numpy.core.numeric import _frombuffer' >"$numpy/_core/numeric.py"
fi
touch "$dir/complete"
