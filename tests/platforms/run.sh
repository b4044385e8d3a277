#!/usr/bin/env bash
# The benches of the fixtures on other targets, and here with the same compiler: the same counts and the same stacks. Needs
# Debian's gcc-aarch64-linux-gnu, qemu-user-static and musl-tools, which it installs.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$PWD out=$PWD/target/platforms host=x86_64-unknown-linux-gnu
arm=aarch64-unknown-linux-gnu musl=x86_64-unknown-linux-musl
say() { printf '\n=== %s\n' "$*"; }

if ! command -v qemu-aarch64-static aarch64-linux-gnu-gcc musl-gcc >/dev/null; then
    say "tools"
    apt-get -qq update
    apt-get -qq install -y gcc-aarch64-linux-gnu qemu-user-static musl-tools
fi
tool=${MEMPROF_TOOL:-}
[[ -n $tool ]] || { cargo build --quiet && tool=$here/target/debug/cargo-memprof; }
RUSTUP_TOOLCHAIN=$(tests/platforms/toolchain.sh "$out/toolchain" $arm $musl)
export RUSTUP_TOOLCHAIN
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64-static -L /usr/aarch64-linux-gnu"
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER=musl-gcc
# Debian's musl brings its own start code; the compiler's is not there where std was built from source.
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_RUSTFLAGS="-Clink-self-contained=no"

# run TARGET FIXTURE OPTIONS...: leaves the results in $out/results/TARGET/FIXTURE.jsonl.
run() {
    local target=$1 fixture=$2 results=$out/results/$1/${2//\//-}.jsonl
    "$tool" memprof -q --manifest-path "fixtures/$fixture/Cargo.toml" --target "$target" \
        --target-dir "$out/$target" -benchtime=20x "${@:3}"
    mkdir -p "$(dirname "$results")"
    cp "$out/$target/memprof/results.jsonl" "$results"
}

# same TARGET FIXTURE...: as on this machine.
same() {
    local target=$1 fixture
    for fixture in "${@:2}"; do
        say "$target $fixture"
        run $host "$fixture" >/dev/null
        run "$target" "$fixture"
        tests/platforms/same.py "$tool" "$out/results/$target/${fixture//\//-}.jsonl" "$out/results/$host/${fixture//\//-}.jsonl"
    done
}

# sampled TARGET: all stacks of CPU samples reach their thread's start.
sampled() {
    say "$1 CPU samples"
    run "$1" cpu_split -benchtime=400ms
    local profile
    for profile in "$out/$1"/memprof/profiles/cpu_split/*/*/*/cpu.prof "$out/$1"/memprof/profiles/cpu_split/*/*/cpu.prof; do
        [[ ! -e $profile ]] || "$tool" memprof pprof -comments "$profile" | grep -E 'stacks whole='
    done | tee "$out/samples.txt"
    grep -E 'whole=[1-9]' "$out/samples.txt" >/dev/null
    # musl's own code has no tables: samples in it are cut.
    [[ $1 == "$musl" ]] || ! grep -v ' cut=0 ' "$out/samples.txt"
}

for step in ${*:-fixtures samples waits programs signed stacks musl macos}; do
    case $step in
        fixtures) same $arm buffer_write exact/criterion-0.5 maps stream_replace oracle ;;
        samples) sampled $arm ;;
        waits)
            say "$arm waits"
            # Each thread takes long to start, and memory of the emulator.
            run $arm waits -benchtime=1x --blockprofile "$out/block.prof" message
            "$tool" memprof pprof -top "$out/block.prof" | head -n 15
            ;;
        programs)
            say "$arm a whole program"
            for target in $host $arm; do
                "$tool" memprof --bin counted --manifest-path fixtures/programs/Cargo.toml --target $target \
                    --target-dir "$out/$target"
                grep program-finished "$out/$target/memprof/results.jsonl" | python3 -c '
import json, sys
memory = json.loads(sys.stdin.read())["memory"]
print({key: memory[key] for key in ["allocs", "bytes", "frees", "reallocs", "peak_bytes", "live_blocks", "live_bytes", "exact"]})' \
                    >"$out/results/$target/programs.txt"
            done
            diff "$out/results/$host/programs.txt" "$out/results/$arm/programs.txt"
            ;;
        signed)
            say "$arm with signed return addresses"
            # The unsigned code's profiles would be replaced.
            CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-Zbranch-protection=pac-ret,leaf -Cunsafe-allow-abi-mismatch=branch-protection" \
                "$tool" memprof -q --manifest-path fixtures/maps/Cargo.toml --target $arm --target-dir "$out/signed" -benchtime=20x
            run $host maps >/dev/null
            tests/platforms/same.py "$tool" "$out/signed/memprof/results.jsonl" "$out/results/$host/maps.jsonl"
            ;;
        stacks)
            say "$arm: stacks against the backtrace crate"
            MEMPROF_TEST_SLOW=1 MEMPROF_TEST_ROUNDS=${MEMPROF_TEST_ROUNDS:-6} MEMPROF_TEST_TRIPLE=$arm \
                MEMPROF_TEST_RUNNER=$CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER \
                cargo test --test it -- recording_stacks:: --nocapture
            ;;
        macos)
            say "aarch64-apple-darwin: the tool and the recorder compile, without warnings"
            RUSTFLAGS=-Dwarnings cargo check --locked -Zbuild-std --target aarch64-apple-darwin --target-dir "$out/macos" \
                -p cargo-memprof -p memprof_rt_portable
            ;;
        musl)
            same $musl buffer_write exact/criterion-0.5 maps stream_replace
            sampled $musl
            ;;
    esac
done
