#!/usr/bin/env bash
# The README's section "On a Raspberry Pi", its commands as they stand there: those for the computer here, those for the Pi
# on an emulated one (board.sh), which scp and ssh reach instead of a network:
#   cross/emulated/readme_pi.sh [trixie|bookworm]        (the Pi's system, default trixie)
# Wants the .venv of the README's section "Start", and: apt-get install proot qemu-user mmdebstrap arch-test
set -euo pipefail
cd "$(dirname "$0")/../.."
release=${1:-trixie}
board=$PWD/cross/emulated/board.sh
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
if [ ! -x .venv/bin/sanderling ]; then
  echo "readme_pi.sh: .venv/bin/sanderling is missing; the README's section Start makes it" >&2
  exit 2
fi
# The section's blocks of commands, one file each: on the computer, on the Pi, on the computer again.
awk -v room="$room" '
  /^## / { section = $0 }
  section != "## On a Raspberry Pi" { next }
  /^```/ { inside = !inside; if (inside) ++blocks; next }
  inside { print >(room "/block" blocks) }' README.md
if [ "$(cd "$room" && echo block*)" != "block1 block2 block3" ]; then
  echo "readme_pi.sh: the README's section has other blocks of commands than the three known here: $(cd "$room" && echo block*)" >&2
  exit 1
fi
"$board" "$release" true
python=$("$board" "$release" python3 -c 'import sys; print("3.%d" % sys.version_info[1])')
if [ "$python" != 3.13 ]; then # as the README says: the version of the Pi's Python
  sed -i "s/--python 3\.13/--python $python/; s/cp313/cp${python/./}/" "$room"/block?
fi
home=$PWD/build/board-$release/home/pi
find "$home" -mindepth 1 -delete
mkdir "$room/bin"
cat >"$room/bin/scp" <<EOF
#!/bin/sh
for last; do :; done
[ "\$last" = pi@raspberrypi.local: ] || { echo "scp: no machine for \$last" >&2; exit 1; }
while [ \$# -gt 1 ]; do install -o 1000 -g 1000 -m 644 "\$1" "$home" || exit; shift; done
EOF
cat >"$room/bin/ssh" <<EOF
#!/bin/sh
while [ "\$1" != -- ]; do
  case \$1 in
    -l) [ "\$2" = pi ] || exit 255; shift 2 ;;
    -[FSop]) shift 2 ;;
    *) shift ;;
  esac
done
[ "\$2" = raspberrypi.local ] || exit 255
shift 2
exec "$board" "$release" sh -c "\$*"
EOF
chmod +x "$room"/bin/*
on_computer() { PATH=$room/bin:$PATH bash -exo pipefail "$1"; }

printf '\n== on the computer\n'
on_computer "$room/block1"
printf '\n== packages for the Pi, in place of the index that it would ask\n'
wheel=$(echo "$home"/sanderling-*.whl)
platforms=()
for glibc in 17 24 26 27 28 31 34; do platforms+=(--platform "manylinux_2_${glibc}_aarch64"); done
.venv/bin/pip download --quiet --only-binary=:all: --implementation cp --python-version "$python" --abi "cp${python/./}" \
  --abi abi3 --abi none "${platforms[@]}" --platform manylinux2014_aarch64 -d "$room/wheels" "${wheel}[cli]"
rm "$room"/wheels/sanderling-*
ls "$room/wheels"
printf '\n== on the Pi (%s, Python %s)\n' "$release" "$python"
SANDERLING_WHEELS=$room/wheels "$board" "$release" bash -exo pipefail -c "$(cat "$room/block2")" | tee "$room/there"
.venv/bin/sanderling run models/effnet_lite0_int8.tflite models/coffee.png >"$room/here"
# All but the first line, which has the time.
diff <(tail -n 5 "$room/here") <(tail -n 5 "$room/there")
printf '\n== on the computer\n'
on_computer "$room/block3"
