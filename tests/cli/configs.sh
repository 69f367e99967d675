#!/bin/bash
# Every configuration that comes with the program trains for a few iterations as it is, with energy and band gap where their
# models are there; the resolved settings then say what the file is about, so that none may be emptied.
set -euf
shaft=$1 source=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

value() { # FILE KEY: of a resolved configuration, two spaces a level
    awk -v key="$2" '{ match($0, /^ */); depth = RLENGTH / 2; at[depth] = $1; sub(/:$/, "", at[depth]); path = at[0]
                       for (i = 1; i <= depth; i++) path = path "." at[i]
                       if (path == key) { sub(/^ *[^:]*: */, ""); print } }' "$1"
}

weights() { # ENERGY BOND DENSITY VALIDITY BAND_GAP
    echo "reward.formation_energy.weight=$1 reward.bond.weight=$2 reward.density.weight=$3 reward.validity.weight=$4" \
        "reward.band_gap.weight=$5"
}

about() { # NAME: KEY=VALUE, words
    case $1 in
    battery) echo constraints.max_elements=3 constraints.max_sites=3 policy.sites=wyckoff policy.lattice=last \
        reward.formation_energy.model=m3gnet-efs reward.bond.table=mp lattice.length=[2.4,15] && weights 0.2 0.5 0.2 0.1 0 ;;
    quickstart) echo elements=[Li,Na,K,O,S,Cl] constraints.max_elements=2 constraints.max_sites=2 constraints.max_atoms=64 \
        policy.mixture=4 train.replay.capacity=2000 ;;
    elements89) echo constraints.one_of=any reward.density.mean=7 reward.density.std=3.05 \
        reward.formation_energy.guard.density=[0.5,23] && weights 0.2 0.5 0.2 0.1 0 ;;
    bandgap) echo reward.band_gap.model=megnet-gap && weights 0.15 0.4 0.15 0.1 0.2 ;;
    flat) echo policy.heads=flat policy.encoder=megnet && weights 0.2 0.5 0.2 0.1 0 ;;
    gcn) echo policy.heads=sequential policy.encoder=gcn && weights 0.2 0.5 0.2 0.1 0 ;;
    paper) echo elements=[S,B,C,N,O,P,Cl,Br,I,Si,Be,Na,Li,K] constraints.max_elements=2 constraints.max_sites=2 \
        lattice.length=[4,15] policy.encoders=separate policy.heads=independent policy.mixture=1 policy.neighbours=all \
        policy.sites=general policy.group=each_step policy.lattice=each_step train.batch=8 train.replay.batch=0 train.lr=0.001 \
        reward.formation_energy.model=m3gnet-eform@other reward.bond.table=paper && weights 0.2 0.5 0.2 0.1 0 ;;
    no_energy) weights 0 0.5 0.2 0.1 0 ;;
    no_bond) weights 0.2 0 0.2 0.1 0 ;;
    no_density) weights 0.2 0.5 0 0.1 0 ;;
    no_validity) weights 0.2 0.5 0.2 0 0 ;;
    no_symmetry) echo constraints.space_groups=[1] && weights 0.2 0.5 0.2 0.1 0 ;;
    *) echo "no line here says what $1 is about" >&2 && return 1 ;;
    esac
    case $1 in # what a file is based on holds where it says nothing
    quickstart | paper) ;;
    elements89) echo constraints.max_sites=3 policy.mixture=8 ;;
    *) echo elements=[Be,B,C,N,O,Si,P,S,Cl,Li,Na,K] constraints.one_of=[Li,Na,K] policy.mixture=8 ;;
    esac
}

# The converted models of $SHAFT_TEST_MODELS under their names here; with those of the user's own folder, if any.
models=$folder/models
mkdir "$models"
set +f
for one in "${SHAFT_MODELS:-$HOME/.local/share/shaft/models}"/*.h5; do [ ! -e "$one" ] || ln -s "$one" "$models/"; done
set -f
for known in m3gnet-efs=M3GNet-MP-2021.2.8-EFS-tf m3gnet-eform=M3GNet-MP-2018.6.1-Eform megnet-gap=MEGNet-MP-2019.4.1-BandGap-mfi; do
    weights=${SHAFT_TEST_MODELS:-/nowhere}/${known#*=}.h5
    [ ! -e "$weights" ] || ln -sf "$weights" "$models/${known%=*}.h5"
done
export SHAFT_MODELS=$models

n=0
while read -r config; do
    name=$(basename "$config" .yaml)
    options=(--quiet --set run.directory="$name" --set train.iterations=3 --set run.checkpoint_every=3)
    test "$name" = paper || options+=(--set train.batch=8 --set train.replay.batch=4)
    off=
    "$shaft" train "$config" "${options[@]}" > out.txt 2>&1 || {
        grep -q 'shaft model' out.txt # a model is not there: that is what it says
        test ! -e "$models/m3gnet-eform.h5" || { cat out.txt >&2; exit 1; } # where one is, all are
        test "$name" != no_energy     # which needs none
        off='reward.formation_energy.weight|reward.band_gap.weight'
        "$shaft" train "$config" "${options[@]}" --set reward.formation_energy.weight=0 --set reward.band_gap.weight=0
    }
    test -e "$name/checkpoints/000003.h5"
    test "$(wc -l < "$name/metrics.csv")" = 4
    lines=$(about "$name")
    for setting in $lines reward.beta=8; do
        key=${setting%%=*} wanted=${setting#*=}
        if [[ -n $off && $key =~ ^($off)$ ]]; then wanted=0; fi
        got=$(value "$name/config.yaml" "$key" | tr -d ' "')
        test "$got" = "$wanted" || { echo "$config: $key is '$got', not '$wanted'" >&2; exit 1; }
    done
    n=$((n + 1))
done < <(find "$source/configs" -name '*.yaml' | sort)
test "$n" = 12
test "$(value elements89/config.yaml elements | tr ',' '\n' | wc -l)" = 89
