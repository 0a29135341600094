#!/usr/bin/env bash
# Run a static sanderling-bench on emulated CPUs; on each, the outputs have to have the hashes that are in the model:
#   cross/emulated/native.sh BENCH MODEL.sand CPU...
set -euo pipefail
bench=$1 model=$2
shift 2
emulator=qemu-aarch64
[ "$(od -An -tu1 -j4 -N1 "$bench" | tr -d ' ')" = 2 ] || emulator=qemu-arm
failed=0
for cpu in "$@"; do
  printf '\n%s\n' "$cpu"
  code=0
  "$emulator" -cpu "$cpu" "$bench" --threads 1 --runs 1 "$model" || code=$?
  [ $code = 0 ] || failed=1
  # 128 + SIGILL
  [ $code != 132 ] || echo "$cpu lacks an instruction that $bench takes for granted: its build is for later CPUs" >&2
done
exit $failed
