"""Draws and augments training images: whole fields, or patches around bones and breaks."""
import math

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from . import together

MASK_STEP = 4


class SliceSampler:
    """Yields what was chosen and its batch: (images [B, 3, P, P] in 0..1, image labels [B], {cell size: (targets [B, c, c], weights [B, c, c])})."""

    CELLS = (32, 16, 8)

    def __init__(self, cases, recipe, size, seed):
        self.cases, self.recipe, self.size = cases, recipe, size
        self.random = np.random.default_rng(seed)
        # Processes that read and augment; 0: this one does.
        self.loaders = 0
        # A fracture outside the crop cannot be learned: such slices, one in hundreds, are left out.
        self.positives = [(c, i) for c in cases for i in np.flatnonzero(c.labels) if c.mask(i) is None or c.mask(i).any()]
        self.negatives = [(c, i) for c in cases for i in np.flatnonzero(c.known & ~c.labels)]
        if recipe["patch"] and any(c.mask(i) is None for c, i in self.positives):
            raise SystemExit("Some broken images have no mask, so nobody knows which patches are broken: set stage1.patch to null in the profile.")
        # The last score of each intact slice: those with a high score are drawn more often.
        self.suspicion = np.full(len(self.negatives), 0.5)

    def __len__(self):
        return len(self.positives) + len(self.negatives)

    def epoch(self, images):
        """Which slices an epoch sees: all, or `images` of them with `positiveShare` broken ones."""
        share = self.recipe["positiveShare"]
        if share is None:
            chosen = [(c, i, -1) for c, i in self.positives + self.negatives]
            chosen = [chosen[i] for i in self.random.permutation(len(chosen))]
            return chosen if images is None else chosen[:images]
        broken = round(images * share)
        weight = 0.15 + self.suspicion if self.recipe.get("hardNegatives") else np.ones(len(self.negatives))
        intact = self.random.choice(len(self.negatives), size=images - broken, p=weight / weight.sum())
        # The third element of a choice is the index of an intact slice, or -1.
        chosen = ([(*self.positives[i], -1) for i in self.random.integers(len(self.positives), size=broken)]
                  + [(*self.negatives[i], i) for i in intact])
        return [chosen[i] for i in self.random.permutation(images)]

    def learn(self, chosen, probabilities):
        """Takes note of how broken the images of a batch looked."""
        for (_, _, index), probability in zip(chosen, probabilities):
            if index >= 0:
                self.suspicion[index] = 0.5 * self.suspicion[index] + 0.5 * probability

    def batches(self, images, patch):
        """What was chosen for a batch of all processes, and this process's share of it."""
        chosen, batch = self.epoch(images), self.recipe["batch"]
        parts = [chosen[start:start + batch] for start in range(0, len(chosen) - batch + 1, batch)]
        seeds = self.random.integers(2 ** 62, size=len(parts))
        shares = Shares(self, parts, patch, seeds)
        yield from zip(parts, DataLoader(shares, batch_size=None, num_workers=self.loaders, prefetch_factor=4) if self.loaders else map(shares.__getitem__, range(len(shares))))

    def make(self, chosen, patch, augment=True, randoms=None):
        """patch: side of the output in pixels; None gives the whole field. randoms: one for each image."""
        randoms = randoms or [self.random] * len(chosen)
        side = patch or self.size
        r = self.recipe
        images, masks, thetas = [], [], []
        # A patch is cut from a window large enough for its corners at any rotation.
        window = self.size if patch is None else min(self.size, 2 * math.ceil(0.71 * side * (1 + r["scaleJitter"])))
        for (case, i, *_), random in zip(chosen, randoms):
            mask, whole = case.mask(i), case.images[i]
            top, left = (0, 0) if patch is None else self.window(whole, mask, window, side, random)
            cut = np.zeros((3, window, window), np.uint8)
            cut_mask = np.zeros((window // MASK_STEP, window // MASK_STEP), np.uint8)
            t0, l0 = max(0, top), max(0, left)
            t1, l1 = min(self.size, top + window), min(self.size, left + window)
            cut[:, t0 - top:t1 - top, l0 - left:l1 - left] = whole[:, t0:t1, l0:l1]
            if mask is not None:
                q = MASK_STEP
                cut_mask[(t0 - top) // q:(t1 - top) // q, (l0 - left) // q:(l1 - left) // q] = mask[t0 // q:t1 // q, l0 // q:l1 // q]
            images.append(cut), masks.append(cut_mask), thetas.append(self.theta(side / window, augment, random))
        image = torch.from_numpy(np.stack(images)).float() / 255
        mask = torch.from_numpy(np.stack(masks)).float()[:, None]
        theta = torch.tensor(np.stack(thetas), dtype=torch.float32)
        grid = functional.affine_grid(theta, [len(chosen), 3, side, side], align_corners=False)
        image = functional.grid_sample(image, grid, align_corners=False)
        coarse = functional.affine_grid(theta, [len(chosen), 1, side // 2, side // 2], align_corners=False)
        mask = functional.grid_sample(mask, coarse, mode="nearest", align_corners=False)
        if augment and r["intensityJitter"]:
            image = self.jitter(image, randoms)
        cells = {size: self.cells(mask, size) for size in self.CELLS}
        # A patch is positive only when the fracture lies in it. A positive image without a mask has a fracture somewhere.
        unmarked = torch.tensor([bool(c.labels[i]) and c.mask(i) is None for c, i, *_ in chosen])
        labels = ((mask.flatten(1).amax(1) > 0) | unmarked).float()
        for _, weights in cells.values():
            weights[unmarked] = 0
        return image, labels, cells

    def window(self, image, mask, window, side, random):
        """Top left corner of a patch's window, on the mask's grid: around a break, else around a random bone pixel."""
        if mask is not None:
            rows, columns = np.nonzero(mask)
            k = random.integers(len(rows))
            row, column = rows[k] * MASK_STEP, columns[k] * MASK_STEP
        else:
            row, column = self.size // 2, self.size // 2
            # Mostly near the midline, where the spine is; otherwise anywhere, because jaw, skull and shoulders must be learned, too.
            central = random.random() < 0.7
            for _ in range(12):
                y, x = random.integers(self.size, size=2)
                if central:
                    x = int(np.clip(random.normal(self.size / 2, self.size / 8), 0, self.size - 1))
                if image[0, y, x] > 140:
                    row, column = y, x
                    break
        reach = 0.38 * side
        row += random.uniform(-reach, reach) - window / 2
        column += random.uniform(-reach, reach) - window / 2
        return int(row) // MASK_STEP * MASK_STEP, int(column) // MASK_STEP * MASK_STEP

    def theta(self, zoom, augment, random):
        """Output to input coordinates: flip, rotation, scale."""
        r = self.recipe
        angle = scale = 0.0
        flip = 1.0
        if augment:
            angle = math.radians(random.uniform(-r["rotateDegrees"], r["rotateDegrees"]))
            scale = random.uniform(-r["scaleJitter"], r["scaleJitter"])
            flip = -1.0 if r["flip"] and random.random() < 0.5 else 1.0
        s = zoom * (1 + scale)
        return [[s * math.cos(angle) * flip, -s * math.sin(angle), 0], [s * math.sin(angle) * flip, s * math.cos(angle), 0]]

    def jitter(self, image, randoms):
        """Gain, offset and noise: one draw an image and channel, noise one draw a pixel for all channels."""
        j = self.recipe["intensityJitter"]
        gain, offset = (torch.from_numpy(np.stack([random.uniform(low, high, (3, 1, 1)) for random in randoms]).astype(np.float32)) for low, high in ((1 - j, 1 + j), (-j / 2, j / 2)))
        return (image * gain + offset * (image > 0)).clamp_(0, 1)

    def cells(self, mask, size):
        """Cell targets from the mask (two pixels a step); cells close beside a break, whose field sees it, weigh nothing."""
        step, reach = size // 2, {32: 6, 16: 3, 8: 2, 4: 1}[size]
        inside = functional.max_pool2d(mask, step)[:, 0]
        near = functional.max_pool2d(functional.max_pool2d(mask, 2 * reach + 1, 1, reach), step)[:, 0]
        weights = torch.where((near > 0) & (inside == 0), 0.0, 1.0)
        weights = torch.where(inside > 0, float(self.recipe.get("cellPositiveWeight", 1)), weights)
        return inside, weights


class Shares(Dataset):
    """This process's share of each batch. What chance does to an image depends neither on the number of processes nor on who makes it."""

    def __init__(self, sampler, parts, patch, seeds):
        self.sampler, self.parts, self.patch, self.seeds = sampler, parts, patch, seeds

    def __len__(self):
        return len(self.parts)

    def __getitem__(self, k):
        mine = slice(together.rank(), None, together.count())
        randoms = [np.random.default_rng((self.seeds[k], image)) for image in range(len(self.parts[k]))]
        return self.sampler.make(self.parts[k][mine], self.patch, randoms=randoms[mine])
