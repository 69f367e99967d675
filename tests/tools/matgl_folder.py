"""A model folder as matgl writes it (model.json, and state.pt as torch packs it), made without torch, for tests of the import.

    matgl_folder.py small FOLDER         a made-up potential of a few tensors, all that the format can do among them
    matgl_folder.py from FILE FOLDER     the weights of a file that was imported
    matgl_folder.py same A B             whether two files have the same tensors, to the bit, and the same numbers and words
"""

import collections
import json
import os
import pickle
import sys
import types
import zipfile

import h5py
import numpy as np

STORAGES = {"f4": "FloatStorage", "f8": "DoubleStorage", "f2": "HalfStorage", "i8": "LongStorage"}

# What a pickle of torch names, so that one can be written here.
torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
for name in STORAGES.values():
    setattr(torch, name, type(name, (), {"__module__": "torch"}))


def _rebuild_tensor_v2(*_):
    raise NotImplementedError


def _rebuild_parameter(*_):
    raise NotImplementedError


for function in (_rebuild_tensor_v2, _rebuild_parameter):
    function.__module__ = "torch._utils"
    setattr(utils, function.__name__, function)
sys.modules.update({"torch": torch, "torch._utils": utils})


class Storage:
    def __init__(self, values):
        self.values = values


class Tensor:
    """A view of a storage, as a pickle has it."""

    def __init__(self, storage, offset, size, stride):
        self.parts = (storage, offset, size, stride)

    def __reduce__(self):
        return _rebuild_tensor_v2, (*self.parts, False, collections.OrderedDict())


class Parameter:
    def __init__(self, tensor):
        self.tensor = tensor

    def __reduce__(self):
        return _rebuild_parameter, (self.tensor, True, collections.OrderedDict())


def plain(values):
    values = np.ascontiguousarray(values)
    steps = tuple(s // values.itemsize for s in values.strides)
    return Tensor(Storage(values.reshape(-1)), 0, values.shape, steps)


class Writer(pickle.Pickler):
    def __init__(self, stream, kept):
        super().__init__(stream, protocol=2)
        self.kept = kept

    def persistent_id(self, thing):
        if not isinstance(thing, Storage):
            return None
        known = [k for k, s in enumerate(self.kept) if s is thing]
        if not known:
            self.kept.append(thing)
        kind = getattr(torch, STORAGES[thing.values.dtype.str[1:]])
        return "storage", kind, str(known[0] if known else len(self.kept) - 1), "cpu", thing.values.size


def write(folder, spec, state):
    os.makedirs(folder)
    with open(os.path.join(folder, "model.json"), "w") as stream:
        json.dump({"@module": "matgl", "kwargs": spec}, stream)
    kept = []
    with zipfile.ZipFile(os.path.join(folder, "state.pt"), "w") as archive:
        with archive.open("state/data.pkl", "w") as stream:
            Writer(stream, kept).dump(state)
        archive.writestr("state/byteorder", "little")
        for key, storage in enumerate(kept):
            archive.writestr(f"state/data/{key}", storage.values.tobytes())
        archive.writestr("state/version", "3\n")


def small(folder):
    random = np.random.default_rng(5)
    shared = Storage(random.normal(size=60).astype("<f4"))
    state = collections.OrderedDict()
    state["data_mean"] = plain(np.array(-1.25, "<f8"))
    state["data_std"] = plain(np.array(2.5, "<f4"))
    state["element_refs.property_offset"] = plain(np.array([-1.5, -2.5, -3.5], "<f4"))
    state["element_refs.onehot"] = plain(np.eye(3, dtype="<f4"))
    state["model.bond_expansion.cutoff"] = plain(np.array(5.0, "<f4"))
    state["model.plain.weight"] = plain(random.normal(size=(4, 6)).astype("<f4"))
    state["model.parameter.bias"] = Parameter(plain(random.normal(size=7).astype("<f4")))
    state["model.transposed.weight"] = Tensor(shared, 0, (5, 4), (1, 5))
    state["model.offset.weight"] = Tensor(shared, 20, (4, 10), (10, 1))
    state["model.double.weight"] = plain(random.normal(size=(2, 3)))
    state["model.half.weight"] = plain(random.normal(size=(2, 3)).astype("<f2"))
    args = {"element_types": ["O", "H", "Fe"], "cutoff": 5.0, "threebody_cutoff": 4.0, "nblocks": 3}
    write(folder, {"model": {"@class": "M3GNet", "init_args": args}}, state)
    for name, want in {
        "plain.weight": state["model.plain.weight"],
        "parameter.bias": state["model.parameter.bias"].tensor,
        "transposed.weight": plain(shared.values[:20].reshape(4, 5).T),
        "offset.weight": plain(shared.values[20:].reshape(4, 10)),
        "double.weight": state["model.double.weight"],
        "half.weight": state["model.half.weight"],
    }.items():
        storage, _, size, _ = want.parts
        np.save(os.path.join(folder, name + ".npy"), storage.values.astype("<f4").reshape(size))


def from_file(path, folder):
    with h5py.File(path) as f:
        a = f.attrs
        word = lambda name: bytes(a[name]).decode()
        megnet, total = word("model") == "matgl.MEGNet", word("target") == "extensive"
        args = {"element_types": json.loads(word("elements")), "cutoff": float(a["cutoff"])}
        args["threebody_cutoff"], args["gauss_width"] = float(a["threebody_cutoff"]), float(a["gauss_width"])
        gap = megnet and a["fidelities"]
        args["ntypes_state"] = int(a["fidelities"]) or None
        args["niters_set2set"] = 3 if gap or total else int(a["set2set_steps"])  # as published
        args["nlayers_set2set"] = 3 if total else int(a["set2set_layers"])
        spec = {"model": {"@class": "MEGNet" if megnet else "M3GNet", "init_args": args}}
        state = collections.OrderedDict()
        if total:
            state["data_mean"], state["data_std"] = plain(np.float64(a["mean"])), plain(np.float64(a["std"]))
            state["element_refs.property_offset"] = plain(a["element_refs"])
        else:
            spec["target_transformer"] = f"Normalizer: Mean={a['mean']}, Std: {a['std']}"
        for name in json.loads(word("order")):
            state[("model." if total else "") + name] = plain(f[name][()].astype("<f4"))
    write(folder, spec, state)


def same(a, b):
    with h5py.File(a) as one, h5py.File(b) as other:
        order = json.loads(bytes(one.attrs["order"]).decode())
        assert order == json.loads(bytes(other.attrs["order"]).decode()), "other tensors"
        for name in order:
            x, y = one[name][()], other[name][()]
            assert x.shape == y.shape and x.tobytes() == y.tobytes(), name
        for name in other.attrs:
            if name not in ("order", "elements", "licence"):
                x, y = np.asarray(one.attrs[name]), np.asarray(other.attrs[name])
                assert x.tobytes() == y.tobytes(), f"{name}: {x} and {y}"


def small_is(folder, path):
    with h5py.File(path) as f:
        names = json.loads(bytes(f.attrs["order"]).decode())
        assert len(names) == 6, names
        for name in names:
            assert f[name][()].tobytes() == np.load(os.path.join(folder, name + ".npy")).tobytes(), name
        assert f.attrs["mean"] == -1.25 and f.attrs["std"] == 2.5 and f.attrs["cutoff"] == 5
        assert list(f.attrs["element_numbers"]) == [8, 1, 26] and list(f.attrs["element_refs"]) == [-1.5, -2.5, -3.5]
        assert bytes(f.attrs["threebody_from"]) == b"other" and bytes(f.attrs["target"]) == b"extensive"


{"small": small, "from": from_file, "same": same, "small_is": small_is}[sys.argv[1]](*sys.argv[2:])
