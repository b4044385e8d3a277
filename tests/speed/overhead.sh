#!/usr/bin/env bash
# What the tool costs besides measuring: time per benchmark beyond the build (at most 3 s at the default --benchtime), and the
# build from clean against that of `cargo bench --no-run` (at most 1.3 times). Ends with 1 where that does not hold: this is for
# a calm machine, and no part of the tests.
#
#     tests/speed/overhead.sh [ROUNDS]      TOOL names another executable than target/release/cargo-memprof
set -euo pipefail
rounds=${1:-3}
root=$(cd "$(dirname "$0")/../.." && pwd)
tool=${TOOL:-$root/target/release/cargo-memprof}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Seconds that a command takes.
seconds() {
    local begun=$EPOCHREALTIME
    "$@" >/dev/null 2>"$scratch/stderr" || { cat "$scratch/stderr" >&2; exit 1; }
    awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f\n", b - a }'
}
median() { sort -n | awk '{ v[NR] = $1 } END { print (NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2) }'; }
holds() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a <= b) }'; }

cd "$root/fixtures/buffer_write"
cargo fetch --locked --quiet
for ((i = 0; i < rounds; i++)); do
    rm -rf "$scratch/plain" "$scratch/ours"
    plain=$(seconds cargo bench --no-run --locked --offline --target-dir "$scratch/plain")
    ours=$(seconds "$tool" memprof --no-run --locked --offline --target-dir "$scratch/ours")
    echo "$plain" >>"$scratch/plain.txt"
    echo "$ours" >>"$scratch/ours.txt"
    echo "build from clean: cargo bench $plain s, ours $ours s" >&2
done
plain=$(median <"$scratch/plain.txt")
ours=$(median <"$scratch/ours.txt")
ratio=$(awk -v a="$ours" -v b="$plain" 'BEGIN { printf "%.2f", a / b }')

benchmarks=$("$tool" memprof list --locked --offline --target-dir "$scratch/ours" 2>/dev/null | wc -l)
for ((i = 0; i < rounds; i++)); do
    seconds "$tool" memprof --locked --offline --target-dir "$scratch/ours" >>"$scratch/run.txt"
done
each=$(awk -v t="$(median <"$scratch/run.txt")" -v n="$benchmarks" 'BEGIN { printf "%.2f", t / n }')

status=0
holds "$ratio" 1.3 && word=holds || { word=FAILS; status=1; }
echo "build from clean: cargo bench $plain s, ours $ours s: $ratio times (at most 1.3: $word)"
holds "$each" 3 && word=holds || { word=FAILS; status=1; }
echo "everything on, beyond the build: $each s for each of $benchmarks benchmarks (at most 3: $word)"
exit $status
