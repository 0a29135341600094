#!/usr/bin/env bash
# Run tests against a sanitizer build:  tests/sanitize.sh asan-ubsan|tsan [pytest arguments]
# Needs the packages of the extras "test" and "dev" (cmake, ninja, pybind11) in the Python that is on the PATH, and gcc.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift
cmake --preset "$preset" -Dpybind11_DIR="$(python -m pybind11 --cmakedir)" -DPython_EXECUTABLE="$(command -v python)" >/dev/null
cmake --build --preset "$preset"
stage=build/$preset/site
# The Python files beside the sanitized module, as links.
for file in python/sanderling/*; do
  case $file in *.so | */__pycache__) continue ;; esac
  ln -sfn "$PWD/$file" "$stage/sanderling/"
done
case $preset in
  asan-ubsan) runtime=$(gcc -print-file-name=libasan.so):$(gcc -print-file-name=libubsan.so) ;;
  tsan) runtime=$(gcc -print-file-name=libtsan.so) ;;
esac
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:abort_on_error=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS=halt_on_error=1:exitcode=66:report_signal_unsafe=0
export PYTHONPATH=$PWD/$stage:$PWD SANDERLING_BUILD=build/$preset
LD_PRELOAD=$runtime exec python -m pytest -p no:cacheprovider "$@"
