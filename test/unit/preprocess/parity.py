"""The preprocessing a second time, with NumPy and scikit-image: reads raw slices, writes raw tensors.

usage: parity.py JOB.json ...: {"slices": [{"hu": path, "rows", "columns", "out": path}], "spec": InputSpec}
Prints one JSON line a slice: the crop and whether the full frame was used.
"""
import json
import sys

import numpy as np
from skimage.filters import threshold_otsu
from skimage.measure import label


def window(hu, center, width):
    return np.clip((hu - (center - width / 2)) / width, 0, 1)


def largest(mask):
    labels = label(mask, connectivity=2)
    counts = np.bincount(labels.ravel())
    counts[0] = 0
    return labels == counts.argmax() if counts.any() else np.zeros_like(mask)


def crop_of(hu, rule, margin):
    levels = np.floor(window(hu, 400, 650).astype(np.float32) * 255 + 0.5).astype(np.uint8)
    rows, columns = hu.shape
    if levels.min() == levels.max():
        return (0, 0, rows, columns), True
    bone = levels > threshold_otsu(levels)
    bone = largest(bone) if rule == "largest-bone" else bone & largest(hu > -300)
    if not bone.any():
        return (0, 0, rows, columns), True
    r, c = np.where(bone)
    top, bottom, left, right = r.min(), r.max() + 1, c.min(), c.max() + 1
    mr, mc = int(np.floor((bottom - top) * margin + 0.5)), int(np.floor((right - left) * margin + 0.5))
    return (max(0, top - mr), max(0, left - mc), min(rows, bottom + mr), min(columns, right + mc)), False


def triangle(n_in, n_out):
    """The resampling of one axis as a dense matrix [out][in]."""
    factor = n_in / n_out
    support = max(1.0, factor)
    centres = (np.arange(n_out) + 0.5) * factor
    distance = np.abs(np.arange(n_in)[None, :] + 0.5 - centres[:, None])
    weights = np.maximum(0, 1 - distance / support)
    return weights / weights.sum(1, keepdims=True)


def model_input(hu, spec):
    (top, left, bottom, right), full = crop_of(hu, spec["cropRule"], spec["marginFraction"])
    size, side = spec["sizePixels"], max(bottom - top, right - left)
    inner_rows = max(1, int(np.floor((bottom - top) * size / side + 0.5)))
    inner_columns = max(1, int(np.floor((right - left) * size / side + 0.5)))
    tensor = np.zeros((len(spec["windowsHu"]), size, size))
    pad_top, pad_left = (size - inner_rows) // 2, (size - inner_columns) // 2
    for channel, w in enumerate(spec["windowsHu"]):
        cut = window(hu[top:bottom, left:right], w["centerHu"], w["widthHu"])
        tensor[channel, pad_top:pad_top + inner_rows, pad_left:pad_left + inner_columns] = (
            triangle(bottom - top, inner_rows) @ cut @ triangle(right - left, inner_columns).T)
    return tensor, [int(v) for v in (top, left, bottom, right)], full


if __name__ == "__main__":
    for path in sys.argv[1:]:
        job = json.load(open(path))
        for entry in job["slices"]:
            hu = np.fromfile(entry["hu"], np.float32).reshape(entry["rows"], entry["columns"]).astype(np.float64)
            tensor, box, full = model_input(hu, job["spec"])
            tensor.astype(np.float32).tofile(entry["out"])
            print(json.dumps({"crop": box, "fullFrame": full}))
