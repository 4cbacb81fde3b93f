#!/usr/bin/env bash
# The main job on sample data: makes a small village on a hillside, then flies over it.
set -euo pipefail
cd "$(dirname "$0")/.."
hamlet="${CARGO_TARGET_DIR:-target}/debug/hamlet"
"$hamlet" sample out/hillside
if [ -n "${DISPLAY:-}" ]; then
  exec "$hamlet" view out/hillside --tour
fi
echo "No display: drawing pictures of the same flight."
# Without a GPU the Vulkan loader finds Mesa's software driver by itself.
"$hamlet" fly out/hillside --poses 24 --pictures out/flight --json out/flight.json
echo "Pictures: out/flight/*.png    figures: out/flight.json"
