#!/usr/bin/env bash
# Whether a model that this machine compiles for another processor is what that processor's own build would compile, byte
# by byte, and is loaded there with nothing left to pack; a line for each, exit code 1 where one is not.
#   cross/emulated/packed.sh CPU MODEL...      (CPUs: see run.sh)
set -euo pipefail
cpu=$1
shift
run=$(dirname "$0")/run.sh
case $cpu in
  cortex-a53 | cortex-a72) isa=arm/neon ;;
  cortex-a76) isa=arm/neon_dotprod ;;
  max) isa=arm/neon_i8mm ;;
  cortex-a7 | cortex-a15) isa=arm32/neon ;;
  arm1176) isa=arm32/portable ;;
  *) echo "unknown CPU: $cpu" >&2 && exit 2 ;;
esac
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0
for model in "$@"; do
  python -m sanderling compile --isa $isa --golden-runs 0 -o "$folder/here.sand" "$model" >/dev/null
  if output=$(
    env -u PYTHONPATH "$run" "$cpu" python -c "
import sys, sanderling
model, isa, here, there = sys.argv[1:]
memory = sanderling.load(here, 1).memory
if memory.packed or not memory.mapped:
    sys.exit(f'packed at load: {memory.packed} bytes, taken from the file: {memory.mapped}')
sanderling.compile_model(model, there, isas=[isa], golden_runs=0)
" "$model" $isa "$folder/here.sand" "$folder/there.sand" 2>&1 && cmp "$folder/here.sand" "$folder/there.sand" 2>&1
  ); then
    echo "$cpu: $(basename "$model"): packed for $isa as there"
  else
    printf '%s: %s: DIFFERENT for %s\n%s\n' "$cpu" "$(basename "$model")" $isa "$output"
    failed=1
  fi
done
exit $failed
