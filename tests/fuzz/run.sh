#!/usr/bin/env bash
# Fuzz for SECONDS (60); further arguments go to libFuzzer (-seed=N repeats a run; the seed is printed).
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
shift || true
python -c 'import atheris' 2>/dev/null || python -m pip install --quiet atheris
export PYTHONPATH=${PYTHONPATH:+$PYTHONPATH:}$PWD
exec python -m tests.fuzz.fuzz_model -max_total_time="$seconds" -timeout=60 -rss_limit_mb=2048 -max_len=60000 -print_final_stats=1 "$@"
