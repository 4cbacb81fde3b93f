#!/usr/bin/env bash
# Installs what the system lacks. On Debian and Ubuntu by itself; elsewhere it names exactly what to install.
set -euo pipefail

need=(
  build-essential        # C and C++ compilers for meshopt, SQLite, PROJ and texture transcoding
  cmake sqlite3          # build PROJ and its tables of coordinate systems
  pkg-config
  libvulkan1             # the Vulkan loader
  mesa-vulkan-drivers    # the software driver, for machines without a GPU and for the picture tests
  libx11-6 libx11-xcb1 libxcb1 libxcursor1 libxi6 libxrandr2 libxkbcommon0 libxkbcommon-x11-0   # a window under X11
)
[ "${1:-}" = test ] && need+=(xvfb xdotool xclip)   # the window test

if ! command -v cargo >/dev/null; then
  echo "Rust is missing: install rustup (Rust 1.95 is in rust-toolchain.toml), then run this again." >&2
  exit 3
fi
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "This is not Debian or Ubuntu. Hamlet needs a C and C++ compiler, cmake, sqlite3, pkg-config, a Vulkan loader and driver" >&2
  echo "(Mesa's lavapipe without a GPU), and for a window the X11 client libraries with libxkbcommon-x11." >&2
  echo "On Debian these are: ${need[*]}" >&2
  exit 0
fi
missing=()
for package in "${need[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
echo "Installing: ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "Run as root: apt-get install ${missing[*]}" >&2; exit 3; }
  as_root=(sudo)
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
