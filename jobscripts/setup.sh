# shellcheck shell=bash
# setup.sh -- what quickstart.sh and tests/run.sh share: Debian packages, build, pretrained weights, launch of ranks.
# Sourced by bash from the root of the sources. Every function first looks whether its work is done already, needs no
# terminal, and leaves its full output in build/log.

# Compiler, libraries and their headers; cmocka is for the tests. Python only fetches and converts the weights: pip reads
# a source package's metadata by running its setup.py, which imports numpy; h5py writes the converted file.
readonly SHAFT_PACKAGES=(gcc libc6-dev make cmake pkg-config openmpi-bin libopenmpi-dev libhdf5-openmpi-dev
    libopenblas-openmp-dev libscalapack-openmpi-dev libsymspg-dev libyaml-dev zlib1g-dev librandom123-dev libcmocka-dev
    python3 python3-pip python3-setuptools python3-wheel python3-numpy python3-h5py)
# For the tests alone: a batch system that they start themselves, its face of PBS, and networks of their own.
# shellcheck disable=SC2034 # of tests/run.sh
readonly SHAFT_TEST_PACKAGES=(slurmctld slurmd slurm-client munge slurm-wlm-torque iproute2)

# The energy model of the reward: M3GNet MP-2021.2.8-EFS as its authors published it, inside the source package of their
# program (BSD-3-Clause).
readonly SHAFT_WEIGHTS_PACKAGE=m3gnet SHAFT_WEIGHTS_VERSION=0.2.4
readonly SHAFT_WEIGHTS_SHA256=a7f82b06f48d8fb81f91fb88484177005066cdf708902bf749afaa7f8d117ce8

say() { printf '%s\n' "$@"; }

fail() {
    printf 'shaft: %s\n' "$1" >&2
    shift
    [ $# = 0 ] || printf '  %s\n' "$@" >&2
    exit 1
}

# logged NAME COMMAND...: output goes to build/log/NAME.log, its end is shown where the command fails.
logged() {
    local log=build/log/$1.log status=0
    shift
    mkdir -p build/log
    "$@" > "$log" 2>&1 < /dev/null || status=$?
    if [ "$status" != 0 ]; then
        tail -n 30 "$log" >&2
        printf 'shaft: failed with status %s: %s\n  all of its output is in %s\n' "$status" "$*" "$log" >&2
    fi
    return "$status"
}

# retried COMMAND...: for what depends on a network.
retried() {
    local try
    for try in 1 2 3; do
        "$@" && return 0
        [ "$try" = 3 ] || { say "  trying again in $((try * 5)) s" >&2; sleep $((try * 5)); }
    done
    return 1
}

missing_packages() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2> /dev/null)" = installed ] || printf '%s ' "$package"
    done
}

install_packages() { # PACKAGE...
    local missing by_hand as_root=() apt
    if ! command -v dpkg-query > /dev/null || ! command -v apt-get > /dev/null; then
        say "packages: this is no Debian system; needed are what Debian calls $*"
        return
    fi
    missing=$(missing_packages "$@")
    missing=${missing% }
    if [ -z "$missing" ]; then
        say "packages: all there"
        return
    fi
    by_hand="apt-get update && apt-get install -y --no-install-recommends $missing"
    if [ "$(id -u)" != 0 ]; then
        command -v sudo > /dev/null || fail "root has to install packages, and there is no sudo here. As root run:" "$by_hand"
        if [ -t 0 ]; then
            sudo -v || fail "sudo was refused. As root run:" "$by_hand"
        else # nobody is there to type a password
            sudo -n true 2> /dev/null || fail "sudo wants a password and has no terminal to ask for it. As root run:" "$by_hand"
        fi
        as_root=(sudo)
    fi
    say "packages: installing $missing"
    apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
    retried logged packages-update "${apt[@]}" update || fail "the lists of Debian packages could not be updated"
    # shellcheck disable=SC2086 # a list of words
    retried logged packages "${apt[@]}" install --no-install-recommends $missing ||
        fail "Debian packages could not be installed"
}

# build PRESET [TARGET...]: configures and builds build/PRESET; quick when nothing has changed.
build() {
    local preset=$1 targets=()
    shift
    [ $# = 0 ] || targets=(--target "$@")
    logged "configure-$preset" cmake --preset "$preset" || fail "configuration failed" # sources may have been added
    say "build: preset $preset in build/$preset"
    logged "build-$preset" cmake --build --preset "$preset" --parallel "$(nproc)" "${targets[@]}" ||
        fail "the build failed"
}

weights_verified() { printf '%s  %s\n' "$SHAFT_WEIGHTS_SHA256" "$1" | sha256sum --check --status 2> /dev/null; }

# No dependencies and no isolated build environment: nothing but this one package is downloaded.
download_weights() {
    "$1" -m pip download --quiet --disable-pip-version-check --no-deps --no-build-isolation \
        --no-binary "$SHAFT_WEIGHTS_PACKAGE" --dest "$2" "$SHAFT_WEIGHTS_PACKAGE==$SHAFT_WEIGHTS_VERSION"
}

import_weights() {
    local folder=build/weights shaft=build/release/shaft archive
    if "$shaft" model check m3gnet-efs > /dev/null 2>&1; then
        say "weights: m3gnet-efs is there"
        return
    fi
    archive=$folder/$SHAFT_WEIGHTS_PACKAGE-$SHAFT_WEIGHTS_VERSION.tar.gz
    # Debian's Python has the packages; another one may stand before it on the PATH.
    if [ -z "${SHAFT_PYTHON:-}" ]; then
        SHAFT_PYTHON=/usr/bin/python3
        [ -x "$SHAFT_PYTHON" ] || SHAFT_PYTHON=python3
    fi
    export SHAFT_PYTHON
    if ! weights_verified "$archive"; then
        say "weights: downloading $SHAFT_WEIGHTS_PACKAGE $SHAFT_WEIGHTS_VERSION"
        mkdir -p "$folder"
        rm -f "$archive"
        retried logged weights-download download_weights "$SHAFT_PYTHON" "$folder" ||
            fail "the pretrained weights could not be downloaded; a file fetched elsewhere may be put at $archive"
        weights_verified "$archive" || fail "$archive has not the expected SHA-256 $SHAFT_WEIGHTS_SHA256"
    fi
    logged weights-import "$shaft" model import "$archive" || fail "the weights could not be imported"
    say "weights: $("$shaft" model check m3gnet-efs)"
}

# launch RANKS COMMAND...: ranks on this machine only. One thread a rank: where ranks outnumber cores, more threads cost a
# factor of a hundred. No binding for the same reason, loopback and shared memory only, and no use of ptrace, which
# containers forbid. The number of slots that Open MPI counts is of physical cores, so it is always told to go beyond.
launch() {
    local ranks=$1 as_root=()
    shift
    [ "$(id -u)" != 0 ] || as_root=(OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1)
    env "${as_root[@]}" OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
        OMPI_MCA_btl=self,vader OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_oob_tcp_if_include=lo \
        mpirun --oversubscribe --bind-to none -n "$ranks" "$@" < /dev/null
}
