#!/usr/bin/env bash
# A toolchain with std for other targets: prints its name or path for RUSTUP_TOOLCHAIN.
#
#   toolchain.sh FOLDER TARGET...
#
# Where rustup can fetch the targets it adds them to the installed nightly. Elsewhere it makes a copy of that nightly in FOLDER, builds
# std from the sources that rustup or Debian has, and puts it where rustup would. MEMPROF_CROSS names a toolchain that is there.
set -euo pipefail
folder=$(realpath -m "${1:?usage: toolchain.sh FOLDER TARGET...}")
shift

# debian_sources TOOLCHAIN: Debian's package of Rust's sources, of the release whose version is nearest to the nightly's.
debian_sources() {
    local mirror scratch
    # Of the two kinds of files one may be missing.
    mirror=$({ cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null || true; } |
        sed -nE 's/^URIs: *([^ ]+).*/\1/p; s/^deb ([^ ]+) .*/\1/p' | grep -v security | grep -m 1 -E '/debian/?$')
    scratch=$(mktemp -d)
    chmod 755 "$scratch"
    mkdir -p "$scratch/lists/partial" "$scratch/parts"
    printf 'Types: deb\nURIs: %s\nSuites: trixie-backports\nComponents: main\nArchitectures: amd64\nSigned-By: %s\n' \
        "$mirror" /usr/share/keyrings/debian-archive-keyring.gpg >"$scratch/parts/next.sources"
    local options=(-qq -oDir::Etc::SourceList=/dev/null -oDir::Etc::SourceParts="$scratch/parts"
        -oDir::State::Lists="$scratch/lists" -oDir::Cache="$scratch/cache")
    apt-get "${options[@]}" update
    (cd "$scratch" && apt-get "${options[@]}" download rust-src/trixie-backports && dpkg -x rust-src_*.deb src)
    mkdir -p "$1/lib/rustlib/src/rust"
    cp -r "$scratch"/src/usr/src/rustc-*/library "$1/lib/rustlib/src/rust/library"
    rm -rf "$scratch"
}

# std TARGET: builds it, with what fat LTO reads, and puts it where rustup would.
std() {
    local package=$folder.std hash
    hash=$("$folder/bin/rustc" -vV | sed -n 's/^commit-hash: //p')
    mkdir -p "$package/src"
    printf '[package]\nname = "sysroot"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n' >"$package/Cargo.toml"
    echo '#![no_std]' >"$package/src/lib.rs"
    (cd "$package" && RUSTUP_TOOLCHAIN=$folder CARGO_PROFILE_RELEASE_DEBUG=1 CARGO_TARGET_DIR=$package/target \
        RUSTFLAGS="--remap-path-prefix=$folder/lib/rustlib/src/rust=/rustc/$hash -Cembed-bitcode=yes" \
        cargo build -Zbuild-std=std,test,panic_abort,panic_unwind,proc_macro --release --target "$1") >&2
    mkdir -p "$folder/lib/rustlib/$1/lib"
    cp "$package/target/$1"/release/deps/*.rlib "$folder/lib/rustlib/$1/lib/"
    rm -f "$folder/lib/rustlib/$1"/lib/libsysroot-*
}

# unwinder TARGET: LLVM's, which std links with musl, of Debian and so for glibc; musl lacks one function of it.
unwinder() {
    local scratch package
    scratch=$(mktemp -d)
    package=$(apt-cache search --names-only '^libunwind-[0-9]+-dev$' | sort -V | tail -n 1 | cut -d ' ' -f 1)
    (cd "$scratch" && apt-get -qq download "$package" && dpkg -x libunwind-*.deb .) >&2
    cp "$(find "$scratch" -name libunwind.a -type f | head -n 1)" "$scratch/libunwind.a"
    cat >"$scratch/checked.c" <<'C'
#include <stdarg.h>
#include <stdio.h>
int __fprintf_chk(FILE *file, int flag, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int written = vfprintf(file, format, arguments);
    va_end(arguments);
    return written;
}
C
    musl-gcc -O2 -c "$scratch/checked.c" -o "$scratch/checked.o"
    ar r "$scratch/libunwind.a" "$scratch/checked.o" 2>/dev/null
    cp "$scratch/libunwind.a" "$folder/lib/rustlib/$1/lib/"
    rm -rf "$scratch"
}

if [[ -n ${MEMPROF_CROSS:-} ]]; then
    echo "$MEMPROF_CROSS"
    exit
fi
if [[ ! -e $folder/bin/rustc ]]; then
    if rustup target add --toolchain nightly "$@" >&2 2>/dev/null; then
        echo nightly
        exit
    fi
    nightly=$(rustc +nightly --print sysroot)
    # One that is not whole is made anew.
    rm -rf "$folder.part"
    mkdir -p "$(dirname "$folder")"
    cp -r "$nightly" "$folder.part"
    [[ -d $folder.part/lib/rustlib/src/rust/library ]] || debian_sources "$folder.part"
    mv "$folder.part" "$folder"
fi
for target in "$@"; do
    [[ -e $folder/lib/rustlib/$target/lib ]] || std "$target"
    [[ $target != x86_64-*-musl || -e $folder/lib/rustlib/$target/lib/libunwind.a ]] || unwinder "$target"
done
echo "$folder"
