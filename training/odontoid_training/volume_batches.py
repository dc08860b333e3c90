"""Draws and augments training blocks of volumes."""
import math

import numpy as np
import torch
from torch.nn import functional

from . import together
from .batches import MASK_STEP
from .volume import EARLY_STEP, LAST_STEP


class BlockSampler:
    """Yields what was chosen and its batch: (blocks [B, c, z, y, x] in 0..1, block labels [B], {step: (targets [B, ...], weights [B, ...])})."""

    CELLS = LAST_STEP

    def __init__(self, cases, recipe, seed):
        self.recipe = recipe
        self.random = np.random.default_rng(seed)
        self.loaders = 0
        self.broken = [c for c in cases if c.masks[:].any()]
        if not self.broken:
            raise SystemExit("No broken scan has a mask, so nobody knows which blocks are broken: a volume cannot be trained on this cohort.")
        # In a positive scan without a mask all blocks would be taught as intact.
        self.cases = [c for c in cases if not c.label or c.masks[:].any()]
        # The last score of the intact parts of each scan: scans with a high score are drawn more often.
        self.suspicion = np.full(len(self.cases), 0.5)

    def __len__(self):
        return len(self.cases)

    def batches(self, blocks, patch):
        """patch: (z, y, x) of a block in voxels; None: the whole field of a scan's part."""
        batch = self.recipe["batch"]
        for _ in range((blocks or len(self)) // batch):
            chosen = []
            for k in range(batch):
                if k < round(batch * self.recipe["positiveShare"]):
                    chosen.append((self.broken[self.random.integers(len(self.broken))], -1))
                else:
                    weight = 0.15 + self.suspicion
                    index = self.random.choice(len(self.cases), p=weight / weight.sum())
                    chosen.append((self.cases[index], index))
            mine = slice(together.rank(), None, together.count())
            seed = self.random.integers(2 ** 62)
            randoms = [np.random.default_rng((seed, block)) for block in range(batch)]
            yield chosen, self.make(chosen[mine], patch or self.recipe["fieldVoxels"], randoms=randoms[mine])

    def learn(self, chosen, probabilities):
        """Takes note of how broken the blocks of a batch looked; only of scans without a fracture is that an error."""
        for (case, index), probability in zip(chosen, probabilities):
            if index >= 0 and not case.label:
                self.suspicion[index] = 0.5 * self.suspicion[index] + 0.5 * probability

    def make(self, chosen, patch, augment=True, randoms=None):
        """randoms: one for each block."""
        r = self.recipe
        randoms = randoms or [self.random] * len(chosen)
        blocks, masks, thetas = [], [], []
        for (case, index), random in zip(chosen, randoms):
            # Cut from a window large enough for its corners at any rotation.
            reach = (1 + r["scaleJitter"]) * (math.cos(math.radians(r["rotateDegrees"])) + math.sin(math.radians(r["rotateDegrees"])))
            window = [self.whole(patch[0] * (1 + r["scaleJitter"])), *(min(case.images.shape[-1], self.whole(side * reach)) for side in patch[1:])]
            start = self.start(case, index < 0, window, patch, random)
            blocks.append(cut(case.images, start, window))
            masks.append(cut(case.masks, [start[0], start[1] // MASK_STEP, start[2] // MASK_STEP], [window[0], window[1] // MASK_STEP, window[2] // MASK_STEP]))
            thetas.append(self.theta([side / whole for side, whole in zip(patch, window)], augment, random))
        image = torch.from_numpy(np.stack(blocks)).transpose(1, 2).float() / 255
        mask = torch.from_numpy(np.stack(masks)).float()[:, None]
        theta = torch.tensor(np.stack(thetas), dtype=torch.float32)
        shape = [len(chosen), image.shape[1], *patch]
        image = functional.grid_sample(image, functional.affine_grid(theta, shape, align_corners=False), align_corners=False)
        coarse = functional.affine_grid(theta, [len(chosen), 1, patch[0], patch[1] // MASK_STEP, patch[2] // MASK_STEP], align_corners=False)
        mask = functional.grid_sample(mask, coarse, mode="nearest", align_corners=False)
        if augment and r["intensityJitter"]:
            j = r["intensityJitter"]
            gain, offset = (torch.from_numpy(np.stack([random.uniform(low, high, (image.shape[1], 1, 1, 1)) for random in randoms]).astype(np.float32)) for low, high in ((1 - j, 1 + j), (-j / 2, j / 2)))
            image = (image * gain + offset * (image > 0)).clamp_(0, 1)
        return image, (mask.flatten(1).amax(1) > 0).float(), {step: self.cells(mask, step) for step in {LAST_STEP, EARLY_STEP}}

    @staticmethod
    def whole(length):
        """Windows lie on the mask's grid."""
        return math.ceil(length / (2 * MASK_STEP)) * 2 * MASK_STEP

    def start(self, case, at_break, window, patch, random):
        """First voxel of a window: around a break, else around a random bone voxel; on the mask's grid."""
        shape = (case.images.shape[0], *case.images.shape[2:])
        if at_break:
            places = np.argwhere(case.masks[:])
            z, y, x = places[random.integers(len(places))]
            at = [z, y * MASK_STEP, x * MASK_STEP]
        else:
            at = [s // 2 for s in shape]
            for _ in range(20):
                z, y, x = (random.integers(s) for s in shape)
                if case.images[z, 0, y, x] > BONE_LEVEL and abs(x - shape[2] / 2) < shape[2] / 3:
                    at = [z, y, x]
                    break
        starts = []
        for middle, size, side, whole in zip(at, window, patch, shape):
            first = middle + random.uniform(-0.38, 0.38) * side - size / 2
            # A block inside the scan if it fits; a window as large as the scan is the whole scan.
            starts.append(int(np.clip(first, min(0, whole - size), max(0, whole - size))) // MASK_STEP * MASK_STEP)
        return starts

    def theta(self, zoom, augment, random):
        """Output to input coordinates: flip, rotation in the plane, scale."""
        r = self.recipe
        angle = scale = along = 0.0
        flip = 1.0
        if augment:
            angle = math.radians(random.uniform(-r["rotateDegrees"], r["rotateDegrees"]))
            scale, along = random.uniform(-r["scaleJitter"], r["scaleJitter"], 2)
            flip = -1.0 if r["flip"] and random.random() < 0.5 else 1.0
        z, y, x = zoom
        s, c = math.sin(angle) * (1 + scale), math.cos(angle) * (1 + scale)
        return [[x * c * flip, -y * s, 0, 0], [x * s * flip, y * c, 0, 0], [0, 0, z * (1 + along), 0]]

    def cells(self, mask, step):
        """Cell targets from the mask (4 voxels a step in its plane, 1 across); cells close beside a break, whose field sees it, weigh nothing."""
        kernel = (step[0], step[1] // MASK_STEP, step[1] // MASK_STEP)
        inside = functional.max_pool3d(mask, kernel)[:, 0]
        near = functional.max_pool3d(functional.max_pool3d(mask, (5, 3, 3), 1, (2, 1, 1)), kernel)[:, 0]
        weights = torch.where((near > 0) & (inside == 0), 0.0, 1.0)
        return inside, torch.where(inside > 0, float(self.recipe.get("cellPositiveWeight", 1)), weights)


# Of 255, in the standard bone window: 225 HU.
BONE_LEVEL = 90


def cut(array, start, size):
    """A block of an array whose planes are [z, ..., y, x]; zero outside."""
    (z, y, x), (depth, height, width) = start, size
    out = np.zeros((depth, *array.shape[1:-2], height, width), np.uint8)
    spans = [(max(0, first), min(whole, first + extent)) for first, extent, whole in zip(start, size, (array.shape[0], *array.shape[-2:]))]
    (z0, z1), (y0, y1), (x0, x1) = spans
    if all(low < high for low, high in spans):
        out[z0 - z:z1 - z, ..., y0 - y:y1 - y, x0 - x:x1 - x] = array[z0:z1, ..., y0:y1, x0:x1]
    return out
