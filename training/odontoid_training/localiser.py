"""Trains the localiser of a `vertebra-sequence` on scans whose vertebrae are known, and applies it. Resumes from its last checkpoint."""
import argparse
import csv
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from .model import LEVELS
from .schedule import cosine
from .spine import COARSE, Localiser, corners_of
from .spine_crops import CroppedCase
from .versions import load_checkpoint

# Pixels of a plane for a cell of the localiser's map.
STEP = 2 * COARSE


def is_known(case):
    """Whether the cohort says where the spine is in this scan, and which vertebrae each plane cuts."""
    return "middles" in case.meta and "levels" in case.meta


def train_localiser(profile, cases, validation, out, seed, device, *, report=print):
    recipe = profile["localiser"]
    known = [case for case in cases if is_known(case)]
    if not known:
        raise SystemExit("Of no scan it is known where its vertebrae are, so the localiser cannot be trained: segmentations of vertebrae say it (docs/evaluation.md), and phantoms.")
    torch.manual_seed(seed)
    localiser, optimizer = untrained(recipe, device)
    checkpoint, rows = Path(out) / "localiser.pt", []
    if checkpoint.exists():
        saved = load_checkpoint(checkpoint, device)
        localiser.load_state_dict(saved["localiser"]), optimizer.load_state_dict(saved["optimizer"])
        rows = saved["rows"]
    for epoch in range(len(rows), recipe["epochs"]):
        random = np.random.default_rng((seed, 26, epoch))
        localiser.train()
        losses = []
        for index, case in enumerate(random.permutation(len(known))):
            for group in optimizer.param_groups:
                group["lr"] = recipe["learningRate"] * cosine((epoch + index / len(known)) / recipe["epochs"])
            losses.append(learn(localiser, optimizer, known[case], recipe["shiftPixels"], random))
        off, named = judge(localiser, [case for case in validation if is_known(case)], device)
        rows.append([epoch + 1, f"{np.mean(losses):.5f}", f"{off:.3f}", f"{named:.4f}"])
        torch.save({"localiser": localiser.state_dict(), "optimizer": optimizer.state_dict(), "rows": rows}, checkpoint.with_suffix(".tmp"))
        checkpoint.with_suffix(".tmp").replace(checkpoint)
        report(f"localiser epoch {epoch + 1}/{recipe['epochs']}: loss {np.mean(losses):.4f}, on validation {off:.1f} pixels off, likeliest vertebra right in {named:.1%} of the planes")
    # Written whole, from what the checkpoint holds: a kill neither repeats nor loses a row.
    with (Path(out) / "localiser.csv").open("w", newline="") as log:
        csv.writer(log).writerows([["epoch", "loss", "validationMiddlePixels", "validationLikeliestLevelIsCut"], *rows])
    return localiser.cpu().eval()


def untrained(recipe, device):
    localiser = Localiser(recipe["width"], recipe["units"]).to(device)
    return localiser, torch.optim.AdamW(localiser.parameters(), lr=recipe["learningRate"], weight_decay=recipe["weightDecay"])


def learn(localiser, optimizer, case, shift, random):
    """One step, from one view of a scan; returns the loss."""
    device = next(localiser.parameters()).device
    loss = loss_of(localiser, *(part.to(device) for part in view(case, shift, random)))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(localiser.parameters(), 5.0)
    optimizer.step()
    return float(loss.detach())


def rehearse(profile, cases, device):
    """For a plan: an untrained localiser, and the seconds a scan that it takes to learn and to look."""
    recipe = profile["localiser"]
    localiser, optimizer = untrained(recipe, device)
    random = np.random.default_rng(0)
    # The cost of a step does not depend on where the spine is, and it may not be known of these few.
    middle, planes = cases[0].images.shape[-1] // 2, [len(case.images) for case in cases]
    marked = [argparse.Namespace(images=case.images, meta={"middles": [(middle, middle)] * n, "levels": [LEVELS[:1]] * n}) for case, n in zip(cases, planes)]
    learned = seconds_each(lambda case: learn(localiser, optimizer, case, recipe["shiftPixels"], random), marked)
    localiser.cpu().eval()
    return localiser, learned, seconds_each(lambda case: localiser(volume_of(case, "cpu")), cases)


def seconds_each(work, cases):
    """After one that is not counted."""
    work(cases[0])
    started = time.perf_counter()
    for case in cases:
        work(case)
    return (time.perf_counter() - started) / len(cases)


def load_localiser(profile, out):
    """The one that train_localiser has left in the folder `out`."""
    localiser = Localiser(profile["localiser"]["width"], profile["localiser"]["units"])
    localiser.load_state_dict(load_checkpoint(Path(out) / "localiser.pt", "cpu")["localiser"])
    return localiser.eval()


def truth_of(case):
    """Middle of the spine [Z, 2] (0 where there is none), where there is one [Z], vertebrae cut [Z, 8]."""
    middle = np.array([at or (0, 0) for at in case.meta["middles"]], np.float32)
    levels = np.array([[level in here for level in LEVELS] for here in case.meta["levels"]], np.float32)
    # Beyond the vertebrae the middle is a guess of the phantom's.
    return middle, levels.any(1), levels


def view(case, shift, random):
    """One training view of a scan: a part of it, shifted within its plane, flipped, at another brightness. Volume [1, 1, Z, S, S], middle, known, levels."""
    middle, known, levels = truth_of(case)
    planes = len(middle)
    first, last = random.integers(0, planes // 4 + 1), planes - random.integers(0, planes // 4 + 1)
    volume = case.images[first:last, 0].astype(np.float32) / 255
    middle, known, levels = middle[first:last].copy(), known[first:last], levels[first:last]
    size = volume.shape[-1]
    moved = np.zeros_like(volume)
    down, across = random.integers(-shift, shift + 1, 2)
    moved[:, max(0, down):size + min(0, down), max(0, across):size + min(0, across)] = volume[:, max(0, -down):size - max(0, down), max(0, -across):size - max(0, across)]
    middle += (down, across)
    if random.random() < 0.5:
        moved, middle[:, 1] = moved[:, :, ::-1], size - 1 - middle[:, 1]
    moved = (moved * random.uniform(0.9, 1.1) + random.uniform(-0.05, 0.05) * (moved > 0)).clip(0, 1).astype(np.float32)
    return torch.from_numpy(moved)[None, None], torch.from_numpy(middle), torch.from_numpy(known), torch.from_numpy(levels)


def loss_of(localiser, volume, middle, known, levels):
    heat, found, level_logits = localiser.locate(volume)
    height, width = heat.shape[-2:]
    cell = (torch.div(middle + 0.5, STEP, rounding_mode="floor")).long()
    target = cell[:, 0].clamp(0, height - 1) * width + cell[:, 1].clamp(0, width - 1)
    loss = functional.binary_cross_entropy_with_logits(level_logits[0], levels)
    if known.any():
        loss = loss + functional.cross_entropy(heat[0].flatten(1)[known], target[known]) + functional.smooth_l1_loss(found[0][known] / STEP, middle[known] / STEP)
    return loss


@torch.no_grad()
def judge(localiser, cases, device):
    """On planes that cut a vertebra: median distance from the middle in pixels, and how often the likeliest vertebra is cut."""
    localiser.eval()
    off, named = [], []
    for case in cases:
        middle, known, levels = truth_of(case)
        found, logits = localiser(volume_of(case, device))
        off.extend(np.hypot(*(found.cpu().numpy() - middle)[known].T))
        named.extend(levels[known, logits.cpu().numpy().argmax(1)[known]])
    return float(np.median(off)) if off else float("nan"), float(np.mean(named)) if named else float("nan")


def volume_of(case, device):
    return torch.from_numpy(np.array(case.images[:, 0]))[None, None].to(device).float() / 255


@torch.no_grad()
def around_spine(localiser, case, crop, device):
    """The case as the encoder sees it."""
    middle, levels = localiser(volume_of(case, device))
    corners = corners_of(middle, case.images.shape[-1], crop)
    return CroppedCase(case, corners.cpu().numpy().astype(int), levels.cpu().numpy(), crop)
