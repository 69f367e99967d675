#!/usr/bin/env python3
"""Writes published M3GNet weights as the HDF5 file that shaft reads.

    import_weights.py SOURCE OUT.h5

SOURCE is the source package m3gnet-0.2.4.tar.gz, a folder that holds m3gnet.index, or a folder above one. Needs numpy and
h5py only: a TensorFlow checkpoint is a sorted table of protobuf messages (m3gnet.index) that point into a data file, and both
are decoded here, every checksum on the way verified. `shaft model import` runs this, and puts the line on stderr into its
message.
"""

import json
import os
import struct
import sys
import tarfile
import tempfile

import h5py
import numpy as np

SYMBOLS = """H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb Mo
Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At
Rn Fr Ra Ac Th Pa U Np Pu""".split()
WANTED = "MP-2021.2.8-EFS"  # the potential among the checkpoints of the package
FILES = ("m3gnet.json", "m3gnet.index", "m3gnet.data-00000-of-00001")
MAGIC = 0xDB4775248B80FB57  # at the end of a table file
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


def write(folder, out):
    with open(os.path.join(folder, FILES[0])) as stream:
        spec = json.load(stream)
    config = json.loads(spec)["config"] if isinstance(spec, str) else spec["config"]
    tensors = read_checkpoint(folder)
    temporary = out + ".part"
    with h5py.File(temporary, "w", libver="earliest") as f:
        for name, value in tensors.items():
            f.create_dataset(name, data=value, fletcher32=value.ndim > 0)
        text = lambda value: np.bytes_(value.encode())
        a = f.attrs
        a["format"] = np.int64(1)
        a["model"] = text("m3gnet.M3GNet")
        a["source"] = text(WANTED)
        a["order"] = text(json.dumps(list(tensors)))
        a["elements"] = text(json.dumps(["X"] + SYMBOLS))
        a["element_numbers"] = np.arange(len(SYMBOLS) + 1, dtype="<i4")
        a["element_refs"] = np.array(config["element_refs"], dtype="<f8")
        a["mean"], a["std"] = float(config["mean"]), float(config["std"])
        a["cutoff"], a["threebody_cutoff"] = float(config["cutoff"]), float(config["threebody_cutoff"])
        a["target"], a["basis"], a["aggregate"], a["threebody_from"] = map(text, ("extensive", "smooth3", "source", "other"))
        a["licence"] = text("BSD 3-clause, Materials Virtual Lab")
    os.replace(temporary, out)
    print(f"{WANTED}: {sum(t.size for t in tensors.values())} parameters in {len(tensors)} tensors")


def find_folder(top):
    found = [d for d, _, files in os.walk(top) if set(FILES) <= set(files)]
    wanted = [d for d in found if os.path.basename(d) == WANTED] or found
    if len(wanted) != 1:
        raise ValueError(f"{len(wanted)} checkpoints with m3gnet.json, m3gnet.index and m3gnet.data-00000-of-00001 are in it")
    return wanted[0]


def main(argv):
    if len(argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    source, out = argv[1:]
    try:
        if os.path.isdir(source):
            write(find_folder(source), out)
            return 0
        with tempfile.TemporaryDirectory() as top, tarfile.open(source) as archive:
            for member in archive.getmembers():  # plain files of the checkpoint only, by their last names: nothing can escape
                parts = member.name.split("/")
                if member.isfile() and parts[-1] in FILES and WANTED in parts:
                    with open(os.path.join(top, parts[-1]), "wb") as stream:
                        stream.write(archive.extractfile(member).read())
            write(find_folder(top), out)
    except tarfile.TarError:
        print("it is no tar archive, or a damaged one", file=sys.stderr)
        return 1
    except (OSError, EOFError, ValueError, KeyError, IndexError, struct.error) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
