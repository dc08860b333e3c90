"""Reads what exportCohort.ts wrote: per case a [n, 3, S, S] uint8 tensor, the masks of its broken slices, and its labels."""
import json
from pathlib import Path

import numpy as np


class Case:
    """One phantom. labels [n] bool; `mask_of[i]` is a row of masks or -1; masks [p, S/4, S/4] uint8 0/1."""

    def __init__(self, path):
        self.meta = json.loads(path.read_text())
        self.id = self.meta["id"]
        self.images = np.load(path.with_suffix(".npy"), mmap_mode="r")
        self.masks = np.load(path.with_suffix(".mask.npy"), mmap_mode="r")
        self.labels = np.array(self.meta["labels"], bool)
        self.mask_of = np.array(self.meta["maskRows"], int)
        self.label = bool(self.meta["caseLabel"])
        self.grades = sorted({f["grade"] for f in self.meta["fractures"]})
        self.types = sorted({f["type"] for f in self.meta["fractures"]})

    def mask(self, i):
        return self.masks[self.mask_of[i]] if self.mask_of[i] >= 0 else None


def load_split(cohort, split):
    cases = [Case(path) for path in sorted((Path(cohort) / split).glob("*.json"))]
    if not cases:
        raise SystemExit(f"no cases in {cohort}/{split}: run training/exportCohort.ts first")
    return cases
