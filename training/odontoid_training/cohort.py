"""Reads what exportCohort.ts and exportDataset.ts wrote: per case a [n, c, S, S] uint8 tensor (of slices: a shard), the masks of its broken slices (of all planes of a volume), and its labels."""
import json
import zlib
from pathlib import Path

import numpy as np


# Truth of a slice of a positive scan whose positive slices are not known.
UNKNOWN = 0.5


class Case:
    """One scan. labels [n] bool, of which `known` [n] says where they are known; `mask_of[i]` is a row of masks or -1; masks [p, S/4, S/4] uint8 0/1."""

    def __init__(self, path, size=None):
        self.meta = json.loads(path.read_text())
        self.id = self.meta["id"]
        # A volume, and what earlier versions wrote, is a plain array.
        self.images = Shard(path.with_suffix(".shard"), **self.meta["shard"]) if "shard" in self.meta else np.load(path.with_suffix(".npy"), mmap_mode="r")
        self.masks = np.load(path.with_suffix(".mask.npy"), mmap_mode="r")
        if size is not None and size != self.images.shape[-1]:
            self.images, self.masks = Shrunk(self.images, size, np.mean), Shrunk(self.masks, size * self.masks.shape[-1] // self.images.shape[-1], np.max)
        self.known = np.array([label is not None for label in self.meta["labels"]])
        self.labels = np.array(self.meta["labels"], bool)
        self.mask_of = np.array(self.meta["maskRows"], int)
        self.label = bool(self.meta["caseLabel"])
        self.grades = sorted({f["grade"] for f in self.meta["fractures"]} - {None})
        self.types = sorted({f["type"] for f in self.meta["fractures"]} - {None})

    @property
    def truth(self):
        """[n]: 1 broken, 0 intact, UNKNOWN. A slice of an intact scan is intact, so what is unknown is a slice of a broken one."""
        return np.where(self.known, self.labels.astype(np.float32), np.float32(UNKNOWN))

    def mask(self, i):
        return self.masks[self.mask_of[i]] if self.mask_of[i] >= 0 else None


class Shard:
    """A view of [n, c, S, S] uint8 in a file of slices that shard.ts compressed one by one: each is read when it is asked for."""

    def __init__(self, path, shape, ends):
        self.path, self.shape, self.ends = path, tuple(shape), ends

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, index):
        if isinstance(index, slice):
            return np.array([self[i] for i in range(*index.indices(len(self)))], np.uint8).reshape(-1, *self.shape[1:])
        if not 0 <= index < len(self):
            raise IndexError(f"slice {index} of {len(self)}")
        start = self.ends[index - 1] if index else 0
        with open(self.path, "rb") as file:
            file.seek(start)
            planes = np.frombuffer(zlib.decompress(file.read(self.ends[index] - start)), np.uint8).reshape(self.shape[1:])
        # Each row is stored as its difference from the one above it.
        return np.add.accumulate(planes, axis=-2, dtype=np.uint8)


class Shrunk:
    """A view of [n, ..., S, S] at a smaller size that divides S: blocks of pixels become their mean (images) or their maximum (masks)."""

    def __init__(self, array, size, reduce):
        if array.shape[-1] % size:
            raise SystemExit(f"{size} pixels do not divide the {array.shape[-1]} of the cohort")
        self.array, self.factor, self.reduce = array, array.shape[-1] // size, reduce
        self.shape = (*array.shape[:-2], size, size)

    def __len__(self):
        return len(self.array)

    def __getitem__(self, index):
        part = np.asarray(self.array[index])
        f, size = self.factor, self.shape[-1]
        blocks = part.reshape(*part.shape[:-2], size, f, size, f)
        return self.reduce(blocks, (-3, -1)).astype(np.uint8)


def load_split(cohort, split, size=None):
    """size: side of the images in pixels, where it is not the cohort's own."""
    cases = [Case(path, size) for path in sorted((Path(cohort) / split).glob("*.json"))]
    if not cases:
        raise SystemExit(f"no cases in {cohort}/{split}: run training/exportCohort.ts or training/exportDataset.ts first")
    return cases
