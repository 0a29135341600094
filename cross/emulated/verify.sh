#!/usr/bin/env bash
# Whether networks give the same outputs on an emulated CPU as on this machine; a line for each, exit code 1 where one
# does not. For integer networks: the floats of others may differ in their last bits.
#   cross/emulated/verify.sh CPU MODEL...      (CPUs: see run.sh)
set -euo pipefail
cpu=$1
shift
here=$(mktemp)
trap 'rm -f "$here"' EXIT
failed=0
for model in "$@"; do
  python -m sanderling verify --count 1 --json "$model" >"$here"
  if output=$(env -u PYTHONPATH "$(dirname "$0")/run.sh" "$cpu" python -m sanderling verify --against "$here" "$model" 2>&1); then
    echo "$cpu: $(basename "$model"): same outputs"
  else
    printf '%s: %s: DIFFERENT\n%s\n' "$cpu" "$(basename "$model")" "$output"
    failed=1
  fi
done
exit $failed
