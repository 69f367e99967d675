#!/bin/bash
# `shaft model`: what it says where there is no model, what it finds wrong; and, where the published package or the imported
# weights are there, the import and the verification.
set -eu
shaft=$1
sources=$2
given=${SHAFT_MODELS:-${HOME:-/nowhere}/.local/share/shaft/models}/m3gnet-efs.h5
# shellcheck source=tests/tools/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tools/expect.sh"
export SHAFT_MODELS=$folder/models

expect 0 "shaft model import m3gnet-0.2.4.tar.gz" "$shaft" model --help
expect 0 "shaft model import m3gnet-0.2.4.tar.gz" "$shaft" model import --help
expect 2 "nothing to do was given: list, check [NAME] or import PATH" "$shaft" model
expect 2 "'lost' is none of list, check [NAME], import PATH" "$shaft" model lost
expect 2 "'shaft model list' takes no name, and 'x' was given" "$shaft" model list x
expect 2 "'shaft model check' takes one name at most, and 2 were given" "$shaft" model check x y
expect 2 "'shaft model import' takes one file or folder, and 0 were given" "$shaft" model import
expect 2 "'--fast' is no option" "$shaft" model check --fast
expect 0 "not there" "$shaft" model list
for name in m3gnet-efs m3gnet-pes m3gnet-eform megnet-eform megnet-gap; do grep -q "^$name\$" "$folder/out.txt"; done
grep -q 'pip download --no-deps --no-binary m3gnet m3gnet==0.2.4 && shaft model import' "$folder/out.txt"
expect 2 "there is no model to check" "$shaft" model check
expect 2 "hint: get them with: pip download" "$shaft" model check m3gnet-efs
expect 2 "where PATH is the folder MEGNet-MP-2019.4.1-BandGap-mfi of pretrained_models in matgl's public repository" \
    "$shaft" model check megnet-gap
expect 2 "there is no model 'chgnet'" "$shaft" model check chgnet
expect 2 "'nothing.tar.gz' is not there" "$shaft" model import nothing.tar.gz
expect 2 "'../x' is no name for a model" "$shaft" model import nothing.tar.gz --name ../x
echo "no package" > "$folder/broken.tar.gz"
SHAFT_PYTHON=/bin/false expect 2 "apt-get install python3-numpy python3-h5py" "$shaft" model import "$folder/broken.tar.gz"
echo "no weights" > "$SHAFT_MODELS/m3gnet-efs.h5"
expect 0 "cannot be read" "$shaft" model list
expect 1 "m3gnet-efs.h5" "$shaft" model check
rm "$SHAFT_MODELS/m3gnet-efs.h5"

python=
for candidate in "${SHAFT_PYTHON:-python3}" /usr/bin/python3; do
    if [ -z "$python" ] && "$candidate" -c 'import numpy, h5py' 2> /dev/null; then python=$candidate; fi
done
if [ -n "$python" ]; then
    expect 2 "shaft model: '$folder/broken.tar.gz' was not imported: it is no tar archive, or a damaged one" \
        "$shaft" model import "$folder/broken.tar.gz"
    test "$(wc -l < "$folder/out.txt")" = 2 # the message and its hint, nothing of Python's
    expect 2 "was not imported: it is no tar archive" "$shaft" model import /dev/null
    mkdir "$folder/empty"
    expect 2 "was not imported: 0 models are in it" "$shaft" model import "$folder/empty"
    test -z "$(ls -A "$SHAFT_MODELS")"
fi

if [ -e "$given" ]; then
    cp "$given" "$SHAFT_MODELS/mine.h5"
    expect 0 "227549 parameters in 80 tensors" "$shaft" model check mine
    expect 0 "there, as published" "$shaft" model list
    if [ -n "$python" ]; then # one number is another one, with a right checksum
        "$python" -c 'import h5py, sys
with h5py.File(sys.argv[1], "r+") as f: f["final/layers/0/atom_network/update_func/gate/layers/0/bias"][3] += 1e-6' "$SHAFT_MODELS/mine.h5"
        expect 1 "is not the published model" "$shaft" model check mine
        expect 0 "NOT as published" "$shaft" model list
    fi
    rm "$SHAFT_MODELS/mine.h5"
fi

# A configuration that names a model which is not there ends at once, with where to get it.
for model in m3gnet-pes m3gnet-eform@other megnet-eform; do
    printf 'elements: [Na, Cl]\nreward:\n  formation_energy:\n    model: %s\n' "$model" > "$folder/run.yaml"
    for text in "shaft train: the weights of model '${model%@*}' are not at '$SHAFT_MODELS/${model%@*}.h5'" \
        "hint: get them with: shaft model import PATH, where PATH is the folder M" \
        "of pretrained_models in matgl's public repository" "of matgl's own cache, ~/.cache/matgl"; do
        expect 2 "$text" "$shaft" train "$folder/run.yaml"
    done
done

tool=$sources/tests/tools/matgl_folder.py
importer=$sources/src/io/import_weights.py
if [ -n "$python" ]; then # folders as matgl writes them, with all that their format can do
    export PYTHONDONTWRITEBYTECODE=1
    "$python" "$tool" small "$folder/small"
    "$python" "$importer" "$folder/small" "$folder/small.h5" > "$folder/out.txt"
    "$python" "$tool" small_is "$folder/small" "$folder/small.h5"
    expect 1 "is not the published model" "$shaft" model import "$folder/small"
    mkdir "$folder/two"
    cp -r "$folder/small" "$folder/two/a"
    cp -r "$folder/small" "$folder/two/b"
    expect 2 "was not imported: 2 models are in it" "$shaft" model import "$folder/two"
    mv "$folder/two/a" "$folder/M3GNet-MP-2021.2.8-DIRECT-PES"
    expect 2 "holds model 'M3GNet-MP-2021.2.8-DIRECT-PES', which this version does not know" \
        "$shaft" model import "$folder/M3GNet-MP-2021.2.8-DIRECT-PES"
    sed -i 's/M3GNet/CHGNet/' "$folder/two/b/model.json"
    expect 2 "was not imported: model.json describes a CHGNet" "$shaft" model import "$folder/two/b"
    "$python" - "$folder/small/state.pt" "$folder/damaged" <<'EOF'
import os, pickle, shutil, sys, zipfile
state, folder = sys.argv[1:]
for name in ("short", "flipped", "evil", "list"):
    shutil.copytree(os.path.dirname(state), f"{folder}-{name}")
data = open(state, "rb").read()
open(f"{folder}-short/state.pt", "wb").write(data[: len(data) // 2])
flipped = bytearray(data)
with zipfile.ZipFile(state) as archive:  # a byte of one storage
    flipped[archive.getinfo("state/data/7").header_offset + 60] ^= 1
open(f"{folder}-flipped/state.pt", "wb").write(flipped)
class Evil:
    def __reduce__(self):
        return os.mkdir, (f"{folder}-was-run",)
for name, what in (("evil", Evil()), ("list", [1, 2])):
    with zipfile.ZipFile(f"{folder}-{name}/state.pt", "w") as archive:
        archive.writestr("state/data.pkl", pickle.dumps(what, protocol=2))
EOF
    expect 2 "was not imported: state.pt is damaged" "$shaft" model import "$folder/damaged-short"
    expect 2 "was not imported: state.pt is damaged" "$shaft" model import "$folder/damaged-flipped"
    expect 2 "which no weights are made of" "$shaft" model import "$folder/damaged-evil"
    test ! -e "$folder/damaged-was-run"
    expect 2 "is not of the form that was expected" "$shaft" model import "$folder/damaged-list"
    test -z "$(ls -A "$SHAFT_MODELS")"
fi
for known in m3gnet-pes=M3GNet-MP-2021.2.8-PES m3gnet-eform=M3GNet-MP-2018.6.1-Eform \
    megnet-eform=MEGNet-MP-2018.6.1-Eform megnet-gap=MEGNet-MP-2019.4.1-BandGap-mfi; do
    weights=${SHAFT_TEST_MODELS:-/nowhere}/${known#*=}.h5
    if [ -n "$python" ] && [ -e "$weights" ]; then # into such a folder and back: the same to the bit
        "$python" "$tool" from "$weights" "$folder/${known#*=}"
        expect 0 "written to $SHAFT_MODELS/${known%=*}.h5" "$shaft" model import "$folder/${known#*=}"
        "$python" "$tool" same "$weights" "$SHAFT_MODELS/${known%=*}.h5"
        expect 0 "as published" "$shaft" model check "${known%=*}"
        # the layout of a download cache: another name for the folder
        mkdir -p "$folder/models--$known/snapshots"
        mv "$folder/${known#*=}" "$folder/models--$known/snapshots/0123abcd"
        expect 0 "written to $SHAFT_MODELS/again.h5" "$shaft" model import "$folder/models--$known" --name again
        cmp "$SHAFT_MODELS/again.h5" "$SHAFT_MODELS/${known%=*}.h5"
        rm "$SHAFT_MODELS/again.h5"
    fi
done
if [ -e "$SHAFT_MODELS/megnet-gap.h5" ]; then
    printf 'elements: [Na, Cl]\nreward:\n  formation_energy:\n    model: megnet-gap\n' > "$folder/run.yaml"
    expect 2 "reward.formation_energy.model predicts band gaps, not energies" "$shaft" train "$folder/run.yaml"
    printf 'elements: [Na, Cl]\nreward:\n  formation_energy:\n    model: m3gnet-eform@hse\n' > "$folder/run.yaml"
    expect 2 "model 'm3gnet-eform' has no variant 'hse'" "$shaft" train "$folder/run.yaml"
    grep -q "hint: its variants: self, other" "$folder/out.txt"
fi
rm -f "$SHAFT_MODELS"/*.h5

package=${SHAFT_M3GNET_PACKAGE:-$sources/build/weights/m3gnet-0.2.4.tar.gz}
if [ -n "$python" ] && [ -e "$package" ]; then
    expect 0 "BSD 3-clause" "$shaft" model import "$package"
    expect 0 "as published" "$shaft" model check m3gnet-efs
    mkdir "$folder/package"
    tar -xzf "$package" -C "$folder/package"
    expect 0 "written to $SHAFT_MODELS/second.h5" "$shaft" model import "$folder/package" --name second
    cmp "$SHAFT_MODELS/second.h5" "$SHAFT_MODELS/m3gnet-efs.h5"
    data=$(find "$folder/package" -path '*MP-2021.2.8-EFS/m3gnet.data-00000-of-00001')
    printf 'x' | dd of="$data" bs=1 seek=100000 conv=notrunc status=none
    expect 2 "has a wrong checksum" "$shaft" model import "$folder/package" --name third
    test ! -e "$SHAFT_MODELS/third.h5"
    test "$(ls -A "$SHAFT_MODELS" | wc -l)" = 2
fi
