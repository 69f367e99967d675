# shellcheck shell=bash
# expect.sh -- what the scripts of commands share: a folder of their own to be in, and the expectation of a command. Sourced.
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
