#!/usr/bin/env bash
# pytest on an emulated CPU, which must run exactly the instruction sets that it has:
#   cross/emulated/test.sh CPU [pytest arguments]      (CPUs: see run.sh)
set -euo pipefail
cpu=$1
shift
. "$(dirname "$0")/target.sh"
target_of_cpu "$cpu"
export SANDERLING_TEST_ISAS=$isas SANDERLING_TEST_PROFILE=${SANDERLING_TEST_PROFILE:-quick}
# The oracle is the machine's LiteRT: it is faster and gives the same bits.
export SANDERLING_ORACLE_PYTHON=${SANDERLING_ORACLE_PYTHON:-$(command -v python)}
unset PYTHONPATH
# Emulated processes start no programs: the native tests run from here.
"$(dirname "$0")/run.sh" "$cpu" "$(dirname "$0")/../../build/$preset/kernel_rows" 1 "${SANDERLING_TEST_ROWS:-100}"
exec "$(dirname "$0")/run.sh" "$cpu" python -m pytest -q -p no:cacheprovider "$@"
