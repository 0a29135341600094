#!/usr/bin/env bash
# A shell on an emulated Raspberry Pi 4, as its user pi, with the tools and the Python of its system (here Debian's, which
# Raspberry Pi OS takes over):
#   cross/emulated/board.sh [bookworm|trixie|forky] [COMMAND...]     (with Python 3.11, the default; 3.13; 3.14)
# Unpacks build/board-<release> first, which needs root and: apt-get install mmdebstrap arch-test proot qemu-user
# With SANDERLING_WHEELS=DIR, pip there takes packages from DIR alone.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
release=bookworm
case ${1:-} in bookworm | trixie | forky) release=$1 && shift ;; esac
root=$top/build/board-$release
if [ ! -e "$root/complete" ]; then
  mkdir -p "$top/build"
  rm -rf "$root"
  packages=base-files,bash,ca-certificates,coreutils,dash,debianutils,findutils,grep,hostname,libstdc++6,python3-venv,sed
  mmdebstrap --quiet --variant=extract --architectures=arm64 --include=$packages "$release" "$root"
  # No package's own script has run. pip reads the certificates even where it fetches nothing.
  mkdir -p "$root/etc/ssl/certs"
  cat "$root"/usr/share/ca-certificates/mozilla/*.crt >"$root/etc/ssl/certs/ca-certificates.crt"
  printf 'root:x:0:0:root:/root:/bin/bash\npi:x:1000:1000::/home/pi:/bin/bash\n' >"$root/etc/passwd"
  printf 'root:x:0:\npi:x:1000:\n' >"$root/etc/group"
  install -d -o 1000 -g 1000 "$root/home/pi"
  touch "$root/complete"
fi
wheels=()
pip=()
if [ -n "${SANDERLING_WHEELS:-}" ]; then
  wheels=(-b "$(realpath "$SANDERLING_WHEELS"):/wheels")
  pip=(PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels)
fi
[ $# -gt 0 ] || set -- /bin/bash
exec env -i HOME=/home/pi USER=pi PATH=/usr/local/bin:/usr/bin:/bin TERM="${TERM:-dumb}" LANG=C.UTF-8 "${pip[@]}" \
  "$(command -v python3)" "$top/cross/emulated/without_new_calls.py" "$(command -v proot)" \
  -q "$(command -v qemu-aarch64) -cpu cortex-a72" -r "$root" -b /dev -b /proc "${wheels[@]}" -i 1000:1000 -w /home/pi "$@"
