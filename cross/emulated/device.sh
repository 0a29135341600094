#!/usr/bin/env bash
# A shell and its tools for 64-bit ARM (Debian's busybox), for tests that log into an emulated device:
#   cross/emulated/device.sh [DIR]        (default build/device-arm64)
# Needs root and: apt-get install mmdebstrap arch-test. The tests need openssh-server, proot and qemu-user too.
set -euo pipefail
cd "$(dirname "$0")/../.."
dir=${1:-build/device-arm64}
[ -e "$dir/bin/busybox" ] && exit
mkdir -p "$(dirname "$dir")"
mmdebstrap --quiet --variant=extract --architectures=arm64 --include=busybox-static bookworm "$dir"
