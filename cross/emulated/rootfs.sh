#!/usr/bin/env bash
# Unpack a Debian userland with Python 3.11 and the tests' packages for 64-bit ARM, running nothing in it:
#   cross/emulated/rootfs.sh [DIR]        (default build/rootfs-arm64)
# Needs root and: apt-get install mmdebstrap arch-test qemu-user
set -euo pipefail
cd "$(dirname "$0")/../.."
dir=${1:-build/rootfs-arm64}
[ -e "$dir/complete" ] && exit
mkdir -p "$(dirname "$dir")"
if [ ! -e "$dir/usr/bin/python3.11" ]; then
  mmdebstrap --quiet --variant=extract --architectures=arm64 \
    --include=python3,python3-dev,libstdc++6,libgomp1,libpython3.11-dev bookworm "$dir"
fi
# Debian keeps pyconfig.h, the file that differs between architectures, in a folder of its own.
mkdir -p "$dir/python-headers"
cp -r "$dir"/usr/include/python3.11/. "$dir/python-headers"
cp "$dir"/usr/include/aarch64-linux-gnu/python3.11/pyconfig.h "$dir/python-headers"
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
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$dir/site" \
  --only-binary=:all: "${platforms[@]}" --platform manylinux2014_aarch64 --platform any --python-version 3.11 \
  --implementation cp --abi cp311 --abi abi3 --abi none "numpy>=2" ai-edge-litert==2.3.0 "flatbuffers>=23.5" \
  "click>=8.2" "rich>=13" "pillow>=9.1" "tflite>=2.18" "hypothesis>=6.100" "pytest>=8" "pytest-timeout>=2.3" \
  "pytest-xdist>=3.5" "pytest-benchmark>=4"
touch "$dir/complete"
