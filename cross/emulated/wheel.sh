#!/usr/bin/env bash
# Unpack a wheel and run it on an emulated CPU: an import, a model on a picture, and its outputs against the hashes made
# here:
#   cross/emulated/wheel.sh CPU WHEEL MODEL.sand [PICTURE]       (CPUs and variables: see run.sh)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cpu=$1 wheel=$2 model=$(realpath "$3") picture=${4:-$here/../../models/coffee.png}
site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT
python3 -m zipfile -e "$wheel" "$site"
export SANDERLING_SITE=$site
unset PYTHONPATH
"$here/run.sh" "$cpu" python -c 'import sanderling as s; from sanderling import _core; print(s.__file__, _core.available_isas())'
"$here/run.sh" "$cpu" python -m sanderling run "$model" "$picture"
"$here/run.sh" "$cpu" python -m sanderling verify "$model"
