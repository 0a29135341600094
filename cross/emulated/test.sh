#!/usr/bin/env bash
# pytest on an emulated CPU, which must run exactly the instruction sets that it has:
#   cross/emulated/test.sh cortex-a53|cortex-a72|cortex-a76|max [pytest arguments]
set -euo pipefail
cpu=$1
shift
case $cpu in
  cortex-a53 | cortex-a72) isas=neon,portable ;;
  cortex-a76) isas=neon_dotprod,neon,portable ;;
  max) isas=neon_i8mm,neon_dotprod,neon,portable ;;
  *) echo "unknown CPU: $cpu" >&2 && exit 2 ;;
esac
export SANDERLING_TEST_ISAS=$isas SANDERLING_TEST_PROFILE=${SANDERLING_TEST_PROFILE:-quick}
# The oracle is the machine's LiteRT: it is faster and gives the same bits.
export SANDERLING_ORACLE_PYTHON=${SANDERLING_ORACLE_PYTHON:-$(command -v python)}
unset PYTHONPATH
# Emulated processes start no programs: the native tests run from here.
"$(dirname "$0")/run.sh" "$cpu" "$(dirname "$0")/../../build/aarch64/kernel_rows" 1 "${SANDERLING_TEST_ROWS:-100}"
exec "$(dirname "$0")/run.sh" "$cpu" python -m pytest -q -p no:cacheprovider "$@"
