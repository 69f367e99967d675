#!/usr/bin/env python3
"""Writes published M3GNet and MEGNet weights as the HDF5 file that shaft reads.

    import_weights.py SOURCE OUT.h5

SOURCE is the source package m3gnet-0.2.4.tar.gz or a folder that holds m3gnet.index (the potential in its original form), or a
model folder of matgl with model.json and state.pt, or a folder above one of these. Needs numpy and h5py only. A TensorFlow
checkpoint is a sorted table of protobuf messages (m3gnet.index) that point into a data file; a torch archive is a zip file with a
pickle that names raw storages. Both are decoded here, every checksum on the way verified, and nothing in a pickle is run.
`shaft model import` runs this, and puts the line on stderr into its message.
"""

import collections
import json
import os
import pickle
import re
import struct
import sys
import tarfile
import tempfile
import zipfile
import zlib

import h5py
import numpy as np

SYMBOLS = """H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb Mo
Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At
Rn Fr Ra Ac Th Pa U Np Pu""".split()
WANTED = "MP-2021.2.8-EFS"  # the potential among the checkpoints of the package
FILES = ("m3gnet.json", "m3gnet.index", "m3gnet.data-00000-of-00001")
MATGL_FILES = ("model.json", "state.pt")
MAGIC = 0xDB4775248B80FB57  # at the end of a table file
STORAGES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8", "IntStorage": "<i4", "BoolStorage": "|b1"}
VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"  # the tail of a variable's key


def crc_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = (n >> 1) ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


CRC = crc_table()


def masked_crc(data):
    """CRC-32C, rotated and offset as the format stores it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def fields(data):
    """A protobuf message as {number: [values]}; inner messages stay bytes."""
    out, at = {}, 0
    while at < len(data):
        tag, at = varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 2:
            size, at = varint(data, at)
            value, at = data[at : at + size], at + size
        elif kind == 5:
            value, at = struct.unpack_from("<I", data, at)[0], at + 4
        elif kind == 1:
            value, at = data[at : at + 8], at + 8
        else:
            raise ValueError(f"protobuf wire type {kind} in the index")
        out.setdefault(tag >> 3, []).append(value)
    return out


def entries(data, offset, size):
    """Key and value of each entry of one block; a key shares a prefix with the one before it."""
    if data[offset + size] != 0:
        raise ValueError("the index is compressed")
    if masked_crc(data[offset : offset + size + 1]) != struct.unpack_from("<I", data, offset + size + 1)[0]:
        raise ValueError("a block of the index has a wrong checksum")
    body = data[offset : offset + size]
    restarts = struct.unpack_from("<I", body, size - 4)[0]
    at, end, key = 0, size - 4 - 4 * restarts, b""
    while at < end:
        shared, at = varint(body, at)
        fresh, at = varint(body, at)
        length, at = varint(body, at)
        key = key[:shared] + body[at : at + fresh]
        at += fresh
        yield key, body[at : at + length]
        at += length


def read_checkpoint(folder):
    """{name: float32 array} of a checkpoint."""
    with open(os.path.join(folder, FILES[1]), "rb") as stream:
        index = stream.read()
    with open(os.path.join(folder, FILES[2]), "rb") as stream:
        data = stream.read()
    if len(index) < 48 or struct.unpack("<Q", index[-8:])[0] != MAGIC:
        raise ValueError("m3gnet.index is no checkpoint index")
    footer, at = index[-48:], 0
    _, at = varint(footer, at)  # where the meta index is
    _, at = varint(footer, at)
    start, at = varint(footer, at)
    size, at = varint(footer, at)
    tensors = {}
    for _, handle in list(entries(index, start, size)):
        offset, at = varint(handle, 0)
        length, _ = varint(handle, at)
        for key, value in entries(index, offset, length):
            entry, name = fields(value), key.decode()
            if not name.endswith(VALUE) or entry.get(1, [0])[0] != 1:  # 1 is float32; the rest is bookkeeping
                continue
            shape = [fields(d).get(1, [0])[0] for d in fields(entry.get(2, [b""])[0]).get(2, [])]
            first = entry.get(4, [0])[0]
            raw = data[first : first + entry[5][0]]
            if masked_crc(raw) != entry[6][0]:
                raise ValueError(f"tensor {name} has a wrong checksum")
            tensors[name[: -len(VALUE)]] = np.frombuffer(raw, "<f4").reshape(shape)
    return tensors


class TensorReader(pickle.Unpickler):
    """Tensors of a torch archive as numpy arrays. Knows the few names that a state has, and calls no others."""

    def __init__(self, stream, archive, root):
        super().__init__(stream)
        self.archive, self.root = archive, root

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self.tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return lambda data, *_: data
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise pickle.UnpicklingError(f"state.pt holds an object {module}.{name}, which no weights are made of")

    def persistent_load(self, ident):
        _, kind, key, _, count = ident
        return np.frombuffer(self.archive.read(f"{self.root}/data/{key}"), kind, count)

    @staticmethod
    def tensor(storage, offset, size, stride, *_):
        last = offset + sum((n - 1) * step for n, step in zip(size, stride))
        if offset < 0 or min(stride, default=0) < 0 or (0 not in size and last >= len(storage)):
            raise ValueError("a tensor of state.pt reaches beyond its storage")
        steps = [step * storage.itemsize for step in stride]
        return np.array(np.lib.stride_tricks.as_strided(storage[offset:], size, steps))


def read_state(path):
    """{name: array} of a torch archive, in its order."""
    with zipfile.ZipFile(path) as archive:  # verifies the CRC-32 of all it reads
        pickles = [n for n in archive.namelist() if n.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise ValueError("state.pt is no archive of torch")
        root = pickles[0][: -len("/data.pkl")]
        if root + "/byteorder" in archive.namelist() and archive.read(root + "/byteorder").strip() != b"little":
            raise ValueError("state.pt was written on a big-endian machine")
        with archive.open(pickles[0]) as stream:
            return TensorReader(stream, archive, root).load()


def matgl_source(folder, kind, fidelities, total):
    """The published model this should be: by its folder, if that is one of matgl's names, otherwise by what it holds."""
    name = os.path.basename(os.path.abspath(folder))
    if kind == "MEGNet":
        likely = "MEGNet-MP-2019.4.1-BandGap-mfi" if fidelities else "MEGNet-MP-2018.6.1-Eform"
    else:
        likely = "M3GNet-MP-2021.2.8-PES" if total else "M3GNet-MP-2018.6.1-Eform"
    words = set(likely.split("-"))
    return name if name.startswith(kind + "-") and set(name.split("-")) != words else likely


def from_matgl(folder):
    with open(os.path.join(folder, "model.json")) as stream:
        spec = json.load(stream)["kwargs"]
    kind, config = spec["model"]["@class"], spec["model"]["init_args"]
    if kind not in ("M3GNet", "MEGNet"):
        raise ValueError(f"model.json describes a {kind}, which shaft cannot evaluate")
    elements = list(config.get("element_types") or (s for s in SYMBOLS if s not in ("Po", "At", "Rn", "Fr", "Ra")))
    state = read_state(os.path.join(folder, "state.pt"))
    mean, std, refs, total = 0.0, 1.0, np.zeros(len(elements)), "element_refs.property_offset" in state
    if total:  # a potential: energies scaled and shifted in the state itself
        mean, std = float(state.pop("data_mean")), float(state.pop("data_std"))
        refs = state.pop("element_refs.property_offset")
        state.pop("element_refs.onehot", None)
    elif "target_transformer" in spec:
        number = r"(-?[0-9.]+(?:[eE][-+]?[0-9]+)?)"
        mean, std = map(float, re.match(rf"Normalizer: Mean={number}, Std: {number}$", spec["target_transformer"]).groups())
    tensors = {}
    for name, value in state.items():
        if name.endswith(".cutoff"):  # repeats the configuration
            if float(value) != config["cutoff"]:
                raise ValueError("model.json and state.pt have different cut-offs")
            continue
        tensors[name[len("model.") :] if name.startswith("model.") else name] = value
    fidelities, steps = int(config.get("ntypes_state") or 0), int(config.get("niters_set2set") or 0)
    if kind == "MEGNet" and fidelities == 4 and steps == 3:
        steps = 2  # what the weights were trained with: three steps give silicon no gap (docs/equations.md)
    return {
        "model": "matgl." + kind,
        "source": matgl_source(folder, kind, fidelities, total),
        "tensors": tensors,
        "elements": elements,
        "refs": refs,
        "mean": mean,
        "std": std,
        "cutoff": config["cutoff"],
        "threebody_cutoff": config.get("threebody_cutoff") or 0,
        "gauss_width": config.get("gauss_width") or 0,
        "set2set_steps": 0 if total else steps,
        "set2set_layers": 0 if total else int(config.get("nlayers_set2set") or 0),
        "fidelities": fidelities,
        "target": "extensive" if total else "intensive",
        "basis": "gaussian" if kind == "MEGNet" else "bessel9",
        "aggregate": "target",
        # Eform was trained when matgl listed pairs of edges the other way round (docs/equations.md).
        "threebody_from": "none" if kind == "MEGNet" else "other" if total else "self",
    }


def from_tensorflow(folder):
    with open(os.path.join(folder, FILES[0])) as stream:
        spec = json.load(stream)
    config = json.loads(spec)["config"] if isinstance(spec, str) else spec["config"]
    return {
        "model": "m3gnet.M3GNet",
        "source": WANTED,
        "tensors": read_checkpoint(folder),
        "elements": ["X"] + SYMBOLS,
        "refs": config["element_refs"],
        "mean": config["mean"],
        "std": config["std"],
        "cutoff": config["cutoff"],
        "threebody_cutoff": config["threebody_cutoff"],
        "gauss_width": 0,
        "set2set_steps": 0,
        "set2set_layers": 0,
        "fidelities": 0,
        "target": "extensive",
        "basis": "smooth3",
        "aggregate": "source",
        "threebody_from": "other",
    }


def write(model, out):
    tensors = model["tensors"]
    temporary = out + ".part"
    with h5py.File(temporary, "w", libver="earliest") as f:
        for name, value in tensors.items():
            f.create_dataset(name, data=np.asarray(value, "<f4"), fletcher32=np.ndim(value) > 0)
        text = lambda value: np.bytes_(value.encode())
        a = f.attrs
        a["format"] = np.int64(1)
        a["order"] = text(json.dumps(list(tensors)))
        a["elements"] = text(json.dumps(model["elements"]))
        a["element_numbers"] = np.array([SYMBOLS.index(e) + 1 if e in SYMBOLS else 0 for e in model["elements"]], "<i4")
        a["element_refs"] = np.asarray(model["refs"], "<f8")
        for name in ("mean", "std", "cutoff", "threebody_cutoff", "gauss_width"):
            a[name] = float(model[name])
        for name in ("set2set_steps", "set2set_layers", "fidelities"):
            a[name] = np.int64(model[name])
        for name in ("model", "source", "target", "basis", "aggregate", "threebody_from"):
            a[name] = text(model[name])
        a["licence"] = text("BSD 3-clause, Materials Virtual Lab")
    os.replace(temporary, out)
    size = sum(np.size(t) for n, t in tensors.items() if not n.endswith(".centers"))
    print(f"{model['source']}: {size} parameters in {len(tensors)} tensors")


def read_folder(top):
    found = [(d, from_tensorflow) for d, _, files in os.walk(top) if set(FILES) <= set(files)]
    found = [f for f in found if os.path.basename(f[0]) == WANTED] or found
    found += [(d, from_matgl) for d, _, files in os.walk(top) if set(MATGL_FILES) <= set(files)]
    if len(found) != 1:
        raise ValueError(
            f"{len(found)} models are in it, and one is wanted: m3gnet.json, m3gnet.index and m3gnet.data-00000-of-00001, "
            "or model.json and state.pt"
        )
    folder, read = found[0]
    return read(folder)


def main(argv):
    if len(argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    source, out = argv[1:]
    try:
        if os.path.isdir(source):
            write(read_folder(source), out)
            return 0
        with tempfile.TemporaryDirectory() as top, tarfile.open(source) as archive:
            for member in archive.getmembers():  # plain files of the checkpoint only, by their last names: nothing can escape
                parts = member.name.split("/")
                if member.isfile() and parts[-1] in FILES and WANTED in parts:
                    with open(os.path.join(top, parts[-1]), "wb") as stream:
                        stream.write(archive.extractfile(member).read())
            write(read_folder(top), out)
    except tarfile.TarError:
        print("it is no tar archive, or a damaged one", file=sys.stderr)
        return 1
    except (zipfile.BadZipFile, zlib.error):
        print("state.pt is damaged, or no archive of torch", file=sys.stderr)
        return 1
    except (KeyError, AttributeError, TypeError) as error:
        print(f"model.json or the checkpoint is not of the form that was expected: {error}", file=sys.stderr)
        return 1
    except (OSError, EOFError, ValueError, IndexError, struct.error, pickle.UnpicklingError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
