#!/usr/bin/env bash
# Build the wheels for the Raspberry Pis, run them on emulated CPUs, and the kernels' tests on five of these. Needs root on
# Debian 12, and the packages of the extras "test", "cross" and "dev" in the Python 3.11 that is on the PATH.
set -euo pipefail
cd "$(dirname "$0")/.."
missing=()
for pair in qemu-aarch64:qemu-user mmdebstrap:mmdebstrap arch-test:arch-test llvm-objdump:llvm \
  arm-linux-gnueabi-g++:g++-arm-linux-gnueabi; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
done
if [ ${#missing[@]} -gt 0 ]; then
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
step() { printf -- '-- %s (%ss)\n' "$1" "$SECONDS"; }
step rootfs
cross/emulated/rootfs.sh aarch64
cross/emulated/rootfs.sh armv7
cross/emulated/rootfs.sh armv6
step wheels
python cross/build.py rpi-aarch64 --tests
python cross/build.py rpi-aarch64 --python 3.13 --dist build/python3.13
python cross/build.py rpi-armv7 --tests
python cross/build.py rpi-armv6
python cross/check_wheel.py dist/*_aarch64.whl dist/*_armv7l.whl dist/*_armv6l.whl build/python3.13/*.whl
# Their kernels are tested as they are shipped: the tests take the package from the wheel, kernel_rows from its build.
for pair in aarch64:aarch64 armv7:armv7l; do
  folder=build/${pair%:*}
  rm -rf "$folder/site" && mkdir -p "$folder"
  python -m zipfile -e dist/*_"${pair#*:}".whl "$folder/site"
  ln -sfn "$PWD/build/cross/rpi-${pair%:*}/cmake/kernel_rows" "$folder/kernel_rows"
done
# Debian has a Python for ARM1176 only with another ABI than the wheel's: gcc builds for that. The wheel runs on ARMv7.
step "build for ARM1176"
cross/emulated/build.sh armv6 -DSANDERLING_OPTIMIZE=-O1 "-DCMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG"
step "the wheels"
python -m sanderling compile models/effnet_lite0_int8.tflite -o build/effnet.sand
wheel() { cross/emulated/wheel.sh "$1" "$2" build/effnet.sand; }
(wheel cortex-a53 dist/*_aarch64.whl && wheel cortex-a72 dist/*_aarch64.whl) >build/wheels-64.log 2>&1 &
last=$!
failed=0
wheel cortex-a7 dist/*_armv7l.whl || failed=1
wheel cortex-a7 dist/*_armv6l.whl || failed=1
wait $last || failed=1
cat build/wheels-64.log
# Two CPUs at a time; each has to run exactly the instruction sets that it has. `max` runs every row of kernels.inc, the
# others show that the choice of kernels is right.
run() { # CPU and tests
  if cross/emulated/test.sh "$@" >"build/test-$1.log" 2>&1; then
    echo "$1: $(tail -n 1 "build/test-$1.log")"
  else
    cat "build/test-$1.log"
    return 1
  fi
}
step tests
(
  run max tests/kernels || failed=1
  run arm1176 tests/kernels/test_convolution_rows.py || failed=1
  exit $failed
) &
last=$!
run cortex-a53 tests/kernels/test_convolution_rows.py tests/ops/test_depthwise_conv_2d.py || failed=1
run cortex-a76 tests/kernels/test_convolution_rows.py tests/ops/test_conv_2d.py tests/python/test_fp16.py || failed=1
run cortex-a7 tests/kernels/test_convolution_rows.py || failed=1
wait $last || failed=1
# A whole network gives the same bits on 32-bit CPUs as here.
step "same outputs"
cross/emulated/verify.sh arm1176 models/effnet_lite0_int8.tflite &
last=$!
cross/emulated/verify.sh cortex-a7 models/effnet_lite0_int8.tflite || failed=1
wait $last || failed=1
# Weights that this machine packs for others are those that they pack.
step "same packed weights"
(cross/emulated/packed.sh cortex-a53 models/effnet_lite0_int8.tflite && cross/emulated/packed.sh max models/effnet_lite0_int8.tflite) &
last=$!
cross/emulated/packed.sh cortex-a76 models/effnet_lite0_int8.tflite || failed=1
cross/emulated/packed.sh cortex-a7 models/effnet_lite0_int8.tflite || failed=1
wait $last || failed=1
step done
exit $failed
