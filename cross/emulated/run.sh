#!/usr/bin/env bash
# Run a program on an emulated ARM CPU: the rootfs's Python with our package, or a binary.
#   cross/emulated/run.sh CPU python ARG...
#   cross/emulated/run.sh CPU --plugin ./bbcount.so,out=blocks.txt python script.py
# CPU: cortex-a53, cortex-a72 (NEON), cortex-a76 (and dotprod), max (and i8mm; here without SVE and SME); 32-bit:
# cortex-a7, cortex-a15 (NEON), arm1176 (ARMv6, no NEON).
# Environment: SANDERLING_ROOTFS (default build/rootfs-arm64, -armhf or -armel), SANDERLING_SITE (folder with the
# package; default build/aarch64/site, armv7 or armv6), PYTHONPATH (put in front).
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/cross/emulated/target.sh"
cpu=$1
shift
target_of_cpu "$cpu"
root=$(realpath "${SANDERLING_ROOTFS:-$top/build/rootfs-$arch}")
site=$(realpath -m "${SANDERLING_SITE:-$top/build/$preset/site}")
plugin=()
if [ "${1:-}" = --plugin ]; then
  plugin=(-plugin "$2")
  shift 2
fi
# qemu opens files below -L first: a folder of links for each CPU, so that two CPUs can run at the same time.
view=$root/view-$cpu
if [ ! -e "$view/ready" ]; then
  mkdir -p "$view/proc"
  for entry in bin etc lib sbin usr; do ln -sfn "../$entry" "$view/$entry"; done
  if [ -e "$root/cpuinfo/$cpu/cpuinfo" ]; then cp "$root/cpuinfo/$cpu/cpuinfo" "$view/proc/cpuinfo"; fi
  touch "$view/ready"
fi
[ "$cpu" = max ] && cpu=max,sve=off,sme=off
lib=$root/usr/lib/$triple
program=$1
shift
[ "$program" = python ] && program=$root/usr/bin/python3.11
exec "$emulator" -cpu "$cpu" -L "$view" "${plugin[@]}" -E PYTHONHOME="$root/usr" \
  -E PYTHONPATH="${PYTHONPATH:+$PYTHONPATH:}$site:$top:$root/site:$root/usr/lib/python3/dist-packages" \
  -E LD_LIBRARY_PATH="$lib:$root/lib/$triple:$lib/blas:$lib/lapack" "$program" "$@"
