#!/usr/bin/env bash
# Other targets beside this machine, with the same compiler: the same counts, the same stacks.
#
#   run.sh [STEP...]      all of them if none is named
#
# MEMPROF_TOOL and MEMPROF_TESTS name a tool and tests that are built already. Debian's gcc-aarch64-linux-gnu,
# qemu-user-static, musl-tools and binutils-mingw-w64-x86-64 are installed where they are missing.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/common.sh
here=$PWD out=$PWD/target/platforms host=x86_64-unknown-linux-gnu
arm=aarch64-unknown-linux-gnu musl=x86_64-unknown-linux-musl
steps=(fixtures crate tests library stacks signed samples waits live musl macos windows)
[[ $# == 0 ]] || steps=("$@")

tools=(aarch64-linux-gnu-gcc qemu-aarch64-static musl-gcc x86_64-w64-mingw32-dlltool)
if [[ $(command -v "${tools[@]}" | wc -l) != "${#tools[@]}" ]]; then
    say "tools"
    as_root apt-get -qq update
    as_root apt-get -qq install -y gcc-aarch64-linux-gnu qemu-user-static musl-tools binutils-mingw-w64-x86-64
fi
# The tests, and the tool that they start, with the compiler that is installed.
tests=${MEMPROF_TESTS:-$(cargo test --quiet --locked --test it --no-run --message-format=json |
    python3 -c '
import json, sys
built = map(json.loads, sys.stdin)
print(next(one["executable"] for one in built if one.get("executable") and one["target"]["name"] == "it"))')}
tool=${MEMPROF_TOOL:-$here/target/debug/cargo-memprof}
RUSTUP_TOOLCHAIN=$(tests/platforms/toolchain.sh "$out/toolchain" $arm $musl)
export RUSTUP_TOOLCHAIN
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64-static -L /usr/aarch64-linux-gnu"
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER=musl-gcc
# Debian's musl brings its own start code; the compiler's is not there where std was built from source.
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_RUSTFLAGS="-Clink-self-contained=no"
signed="-Zbranch-protection=pac-ret,leaf -Cunsafe-allow-abi-mismatch=branch-protection"

# run TARGET PACKAGE OPTIONS...: the benches of the package in that folder; the results are in $out/VARIANT/PACKAGE.jsonl, and
# the variant is the target if no other is named.
run() {
    local folder=$out/${variant:-$1}
    "$tool" memprof -q --manifest-path "$2/Cargo.toml" --target "$1" --target-dir "$folder" -benchtime=20x "${@:3}"
    cp "$folder/memprof/results.jsonl" "$folder/${2//\//-}.jsonl"
}

# same TARGET PACKAGE...: as on this machine.
same() {
    local target=$1 package
    for package in "${@:2}"; do
        say "${variant:-$target} $package"
        variant=$host run $host "$package" >/dev/null
        run "$target" "$package"
        tests/platforms/same.py "$tool" "$out/${variant:-$target}/${package//\//-}.jsonl" "$out/$host/${package//\//-}.jsonl"
    done
}

# tested TARGET TEST...: the tests whose names begin so, with their programs built for the target.
tested() {
    say "$1: ${*:2}"
    MEMPROF_TEST_TRIPLE=$1 MEMPROF_TEST_TARGET=$out/$1 "$tests" --test-threads 1 "${@:2}"
}

# sampled TARGET: all stacks of CPU samples reach their thread's start.
sampled() {
    say "$1 CPU samples"
    run "$1" fixtures/cpu_split -benchtime=400ms
    local profile
    for profile in "$out/$1"/memprof/profiles/cpu_split/*/*/*/cpu.prof "$out/$1"/memprof/profiles/cpu_split/*/*/cpu.prof; do
        [[ ! -e $profile ]] || "$tool" memprof pprof -comments "$profile" | grep -E 'stacks whole='
    done | tee "$out/samples.txt"
    grep -E 'whole=[1-9]' "$out/samples.txt" >/dev/null
    # musl's own code has no tables: samples in it are cut.
    [[ $1 == "$musl" ]] || ! grep -v ' cut=0 ' "$out/samples.txt"
}

# checked TARGET PACKAGE...: they compile without warnings; std is built, too, if the toolchain does not have it.
checked() {
    say "$1: ${*:2} compile without warnings"
    local libraries std=()
    libraries=$(rustc --print target-libdir --target "$1")
    [[ -e $libraries ]] || std=(-Zbuild-std)
    RUSTFLAGS=-Dwarnings cargo check --quiet --locked "${std[@]}" --target "$1" --target-dir "$out/checked" "${@:2}"
}

benches=(fixtures/buffer_write fixtures/exact/criterion-0.5 fixtures/maps fixtures/stream_replace)
for step in "${steps[@]}"; do
    case $step in
        fixtures) same $arm "${benches[@]}" ;;
        crate)
            published typed-arena 2.0.2 target/real/typed-arena-2.0.2
            same $arm target/real/typed-arena-2.0.2
            ;;
        tests)
            # Counts against the dhat crate's, against a program's own; every end of a bench.
            tested $arm oracle:: trouble:: programs::totals programs::nothing_is_lost programs::threads_that explain::the_
            ;;
        library)
            say "$arm: the runtime's own tests, the library's"
            cargo test --quiet --locked -p memprof_rt -p memprof --tests --target $arm --target-dir "$out/library"
            ;;
        stacks)
            MEMPROF_TEST_SLOW=1 MEMPROF_TEST_ROUNDS=${MEMPROF_TEST_ROUNDS:-8} tested $arm recording_stacks:: --nocapture
            ;;
        signed)
            export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS=$signed
            variant=signed same $arm fixtures/maps
            tested $arm recording_stacks:: --nocapture
            unset CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS
            ;;
        samples) sampled $arm ;;
        waits)
            say "$arm waits"
            # Each thread takes long to start, and memory of the emulator.
            run $arm fixtures/waits -benchtime=1x --blockprofile "$out/block.prof" message
            "$tool" memprof pprof -top "$out/block.prof" | tee "$out/waits.txt"
            grep waits::wait_for_message "$out/waits.txt" >/dev/null
            ;;
        live) tested $arm live::endpoints::totals ;;
        musl)
            same $musl "${benches[@]}"
            tested $musl oracle:: trouble:: programs::totals
            sampled $musl
            ;;
        macos) checked aarch64-apple-darwin -p cargo-memprof -p memprof_rt_portable ;;
        windows) checked x86_64-pc-windows-gnu -p cargo-memprof -p memprof_rt_portable ;;
        *) echo "$step is none of the steps: ${steps[*]}" >&2; exit 2 ;;
    esac
done
