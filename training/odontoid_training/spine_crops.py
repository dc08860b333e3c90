"""Scans as the encoder of a `vertebra-sequence` sees them: crops around the middle that the localiser found."""
import numpy as np

from .batches import MASK_STEP, SliceSampler
from .cohort import Case
from .model import LEVELS
from .spine import CELL, EARLY

# A plane that cuts a vertebra with less than this probability shows nothing of it.
CLEAR = 0.05


class Crops:
    """A view of planes [Z, 1, S, S] as [Z, 3, P, P]: the crop of the plane above, of the plane, and of the plane below. spine.cut does the same in the exported graph."""

    def __init__(self, planes, corners, size):
        self.planes, self.corners, self.size = planes, corners, size
        self.shape = (len(planes), 3, size, size)

    def __len__(self):
        return len(self.planes)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return np.stack([self[i] for i in range(*index.indices(len(self)))])
        last = len(self) - 1
        return np.stack([crop_of(self.planes[i, 0], self.corners[index], self.size, CELL) for i in (max(0, index - 1), index, min(last, index + 1))])


def crop_of(plane, corner, size, cell):
    top, left = (int(c) * cell for c in corner)
    return plane[top:top + size, left:left + size]


class CroppedCase(Case):
    """A scan of the cohort, seen around its spine. corners [Z, 2] in cells, levels [Z, 8] as logits: from the localiser."""

    def __init__(self, case, corners, levels, size):
        vars(self).update(vars(case))
        self.corners, self.level_logits, self.crop = corners, levels, size
        self.images = Crops(case.images, corners, size)
        self.mask_of = np.where(np.asarray(case.masks).any((1, 2)), np.arange(len(case.masks)), -1)

    def mask(self, i):
        return None if self.mask_of[i] < 0 else crop_of(self.masks[i], self.corners[i], self.crop // MASK_STEP, CELL // MASK_STEP)

    @property
    def truth(self):
        """Of a scan whose broken vertebrae are known and whose broken planes are not: planes that clearly show other vertebrae alone are intact."""
        truth = super().truth
        broken = [fracture["level"] for fracture in self.meta["fractures"]]
        if self.label and broken and set(broken) <= set(LEVELS):
            shows = 1 / (1 + np.exp(-self.level_logits[:, [LEVELS.index(level) for level in set(broken)]]))
            truth[~self.known & (shows < CLEAR).all(1)] = 0
        return truth


class CropSampler(SliceSampler):
    """Whole crops, turned and flipped."""

    CELLS = (CELL, EARLY)
