# shellcheck shell=bash
# expect.sh -- what the scripts of commands share: a folder of their own to be in, the expectation of a command, a plugin. Sourced.
folder=$(mktemp -d)
trap 'for job in $(jobs -p); do kill -9 "$job" 2> /dev/null || true; done; rm -rf "$folder"' EXIT
cd "$folder"

# expect CODE TEXT COMMAND...: the exit code, and output that holds TEXT; the output stays in out.txt
expect() {
    local code=$1 text=$2 got=0
    shift 2
    "$@" > "$folder/out.txt" 2>&1 || got=$?
    if [ "$got" != "$code" ] || ! grep -qF -- "$text" "$folder/out.txt"; then
        echo "'$*' ended with $got, wanted $code and '$text':"
        cat "$folder/out.txt"
        exit 1
    fi
}

# plugin SOURCES: roomy.so, the example of SOURCES/src/reward/plugin.h as it stands there, built with the header where it is installed
plugin() {
    mkdir -p include/shaft
    cp "$1/src/reward/plugin.h" include/shaft/
    sed -n '/^ \*     #include <math.h>/,/^ \*     }$/s/^ \*     \{0,1\}//p' include/shaft/plugin.h > roomy.c
    grep -q roomy roomy.c
    "${CC:-cc}" -Wall -Werror -shared -fPIC -O2 -I include roomy.c -o roomy.so
}
