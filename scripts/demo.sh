#!/usr/bin/env bash
# The main job on sample data: makes up a county's deliveries, imports them as any user would, then flies over the villages.
# VILLAGES and DETAIL (full or scale) make more of it, as in `VILLAGES=117 DETAIL=scale make demo`.
set -euo pipefail
cd "$(dirname "$0")/.."
hamlet="${CARGO_TARGET_DIR:-target}/debug/hamlet"
"$hamlet" sample out/sample --villages "${VILLAGES:-3}" --detail "${DETAIL:-full}" --replace
# A county of another sample is of no use.
if [ -e out/county ] && [ ! out/county/county.toml -nt out/sample/sample.json ]; then
  rm -rf out/county
fi
HAMLET="$hamlet" sh out/sample/import.sh out/county
if [ -n "${DISPLAY:-}" ]; then
  exec "$hamlet" view out/county --tour --camera "$(head -n 1 out/sample/flight.txt)"
fi
echo "No display: drawing pictures of a flight."
# Without a GPU the Vulkan loader finds Mesa's software driver by itself.
"$hamlet" fly out/county --path out/sample/flight.txt --pictures out/flight --json out/flight.json
echo "Pictures: out/flight/*.png    figures: out/flight.json"
