#!/usr/bin/env bash
# Makes docs/report.png: the report of fixtures/buffer_write, as a browser shows it.
set -euo pipefail
cd "$(dirname "$0")/../.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cargo build --release --quiet
tool=$PWD/target/release/cargo-memprof
(cd fixtures/buffer_write && "$tool" memprof --target-dir "$scratch/target" >&2)
"$tool" memprof report --target-dir "$scratch/target" -o "$scratch/report.html" >&2
chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --user-data-dir="$scratch/browser" --hide-scrollbars \
    --virtual-time-budget=3000 --window-size=1180,860 --screenshot="$scratch/report.png" "file://$scratch/report.html${1-}" 2>/dev/null
mkdir -p docs
mv "$scratch/report.png" docs/report.png
ls -l docs/report.png
