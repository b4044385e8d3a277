#!/usr/bin/env bash
# Makes docs/report.png: the report of fixtures/buffer_write, as a browser shows it.
#
#   tests/web/picture.sh [TARGET_DIR]     of the run that is in TARGET_DIR; without it the benches are run first
#
# MEMPROF_TOOL is the tool, if it is built already.
set -euo pipefail
cd "$(dirname "$0")/../.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tool=${MEMPROF_TOOL-}
if [[ -z $tool ]]; then
    cargo build --release --quiet
    tool=$PWD/target/release/cargo-memprof
fi
target=${1-}
if [[ -z $target ]]; then
    target=$scratch/target
    (cd fixtures/buffer_write && "$tool" memprof --target-dir "$target" >&2)
fi
"$tool" memprof report --target-dir "$target" -o "$scratch/report.html" >&2

# shot NAME WIDTH HEIGHT FRAGMENT
shot() {
    chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
        --disable-component-update --disable-sync --user-data-dir="$scratch/browser" --hide-scrollbars \
        --virtual-time-budget=3000 --window-size="$2,$3" --screenshot="$1" "file://$scratch/report.html$4" 2>/dev/null
}
mkdir -p docs
shot docs/report.png 1180 640 ""
shot docs/flame.png 1180 860 "#0/memory"
ls -l docs/*.png
