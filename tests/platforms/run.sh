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

# run TARGET FIXTURE OPTIONS...
run() {
    local target=$1 fixture=$2
    "$tool" memprof -q --manifest-path "fixtures/$fixture/Cargo.toml" --target "$target" \
        --target-dir "$out/$fixture/$target" -benchtime=20x "${@:3}"
}

# same TARGET FIXTURE...: as on this machine.
same() {
    local target=$1 fixture
    for fixture in "${@:2}"; do
        say "$target $fixture"
        [[ -e $out/$fixture/$host/memprof/results.jsonl ]] || run $host "$fixture" >/dev/null
        run "$target" "$fixture"
        tests/platforms/same.py "$tool" "$out/$fixture/$target/memprof" "$out/$fixture/$host/memprof"
    done
}

# sampled TARGET: all stacks of CPU samples reach their thread's start, but for musl's own code, which has no tables.
sampled() {
    say "$1 CPU samples"
    run "$1" cpu_split -benchtime=400ms
    local profile
    profile=$(find "$out/cpu_split/$1/memprof/profiles" -name cpu.prof | head -n 1)
    "$tool" memprof pprof -comments "$profile"
    "$tool" memprof pprof -comments "$profile" | grep -E 'stacks whole=[1-9]' >/dev/null
    "$tool" memprof pprof -top "$profile" | head -n 15
}

for step in ${*:-fixtures samples waits signed stacks musl}; do
    case $step in
        fixtures) same $arm buffer_write exact/criterion-0.5 maps stream_replace oracle ;;
        samples) sampled $arm ;;
        waits)
            say "$arm waits"
            run $arm waits --blockprofile "$out/block.prof"
            "$tool" memprof pprof -top "$out/block.prof" | head -n 15
            ;;
        signed)
            say "$arm with signed return addresses"
            rm -rf "$out/buffer_write/signed"
            mkdir -p "$out/buffer_write/signed"
            CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-Zbranch-protection=pac-ret,leaf" \
                "$tool" memprof -q --manifest-path fixtures/buffer_write/Cargo.toml --target $arm \
                --target-dir "$out/buffer_write/signed" -benchtime=20x
            tests/platforms/same.py "$tool" "$out/buffer_write/signed/memprof" "$out/buffer_write/$arm/memprof"
            ;;
        stacks)
            say "$arm: stacks against the backtrace crate"
            MEMPROF_TEST_SLOW=1 MEMPROF_TEST_ROUNDS=${MEMPROF_TEST_ROUNDS:-6} MEMPROF_TEST_TARGET=$arm \
                MEMPROF_TEST_RUNNER=$CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER \
                cargo test --test it -- recording_stacks:: --nocapture
            ;;
        musl)
            same $musl buffer_write exact/criterion-0.5 maps stream_replace
            sampled $musl
            ;;
    esac
done
