# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by the tools that need a built tree.

# build_tree DIRECTORY TARGETS [CONFIGURE-OPTION…]: configures once, makes what is out of date, quietly unless it fails. Several
# tools may ask at once: one builds, the others wait.
build_tree() {
    local directory=$1 targets=$2 source log
    shift 2
    source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
    mkdir -p "$directory"
    log=$directory/build.log
    (
        flock 9
        : >"$log"
        if ! { [ -x "$source/configure" ] && [ "$source/configure" -nt "$source/configure.ac" ]; }; then
            (cd "$source" && autoreconf -fi) >>"$log" 2>&1 || { cat "$log" >&2; exit 1; }
        fi
        if ! [ -e "$directory/Makefile" ]; then
            (cd "$directory" && "$source/configure" -q "$@") >>"$log" 2>&1 || { cat "$log" >&2; exit 1; }
        fi
        # shellcheck disable=SC2086 # several words
        make -C "$directory" -j"$(nproc)" $targets >>"$log" 2>&1 || { tail -60 "$log" >&2; exit 1; }
    ) 9>"$directory.lock"
}
