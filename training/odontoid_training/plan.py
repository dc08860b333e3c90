"""What a training will cost on this machine: a few scans are exported and the real steps are timed; everything else is arithmetic. It leaves no file."""
import argparse
import math
import os
import resource
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from .cohort import load_split
from .features import encode_slices, freeze
from .kinds import SliceSequence
from .stage1 import Step
from .stage2 import SCANS_IN_MEMORY, train_classifier

# Exported of each split; two are the least that show how scans differ.
SAMPLE = 2
# A step is timed for so long, and at least once after one that is not counted.
TIMED_SECONDS = 1
GIB, MIB = 2 ** 30, 2 ** 20
HOUR = 3600


def print_plan(profile, kind, args, counts, export_cohort, report):
    """counts: scans by split; `images` are those of stage 1, of which only some slices are used."""
    report(f"timing {SAMPLE} scans of each split and the steps of the training; this takes minutes and leaves nothing behind")
    with tempfile.TemporaryDirectory(prefix="odontoid-plan-") as scratch:
        measured = measure(profile, kind, args, counts, export_cohort, scratch)
    for line in lines(profile, args, counts, measured):
        print(line)


def measure(profile, kind, args, counts, export_cohort, scratch):
    first = "images" if "images" in counts else "train"
    sampled = argparse.Namespace(**{**vars(args), "cohort": scratch})
    export_cohort(sampled, list(dict.fromkeys([first, "train"])), SAMPLE)
    images, whole = load_split(scratch, first), load_split(scratch, "train")
    scans = {case.id: case for case in images + whole}.values()
    slices = sum(len(case.images) for case in scans)
    measured = {
        "slicesOfImages": np.mean([len(case.images) for case in images]),
        "slices": np.mean([len(case.images) for case in whole]),
        "known": np.mean(np.concatenate([case.known for case in images])),
        "tensorBytes": sum(path.stat().st_size for path in Path(scratch).rglob("*") if path.is_file()) / slices,
        "exportSeconds": sum(case.meta["exportSeconds"] for case in scans) / slices,
    }
    seen, measured["localiser"] = kind.rehearse(profile, images, args.device)
    images, whole = seen(images), seen(whole)
    encoder = kind.make_encoder(profile).to(args.device)
    measured["weightBytes"] = 4 * sum(p.numel() for p in encoder.parameters())
    measured["featureLength"] = encoder.feature_length
    patch = profile["stage1"]["patch"]
    measured["patchSeconds"] = time_step(profile, kind, encoder, images, patch, args.device) if patch else 0.0
    measured["fieldSeconds"] = time_step(profile, kind, encoder, images, None, args.device)
    measured["deviceBytes"] = torch.cuda.max_memory_allocated() if args.device == "cuda" else 0
    measured["encodeSeconds"] = time_encoding(kind, encoder, whole[0], args.device)
    measured["sequenceSeconds"] = time_sequences(profile, encoder.feature_length, round(measured["slices"]), args, scratch) if issubclass(kind, SliceSequence) else 0.0
    measured["processBytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return measured


def time_step(profile, kind, encoder, cases, patch, device):
    """Seconds an image (a block, of a volume) of stage 1, its batch included."""
    # The cost of a batch does not depend on what is in it, and a sample may hold nothing broken.
    recipe = {**profile["stage1"], "positiveShare": None} if issubclass(kind, SliceSequence) else profile["stage1"]
    timed = {**profile, "stage1": {**recipe, "batch": min(recipe["batch"], sum(len(c.images) for c in cases))}}
    sampler, step = kind.sampler(cases, timed, 0), Step(timed, kind, encoder, device)
    encoder.train()
    seconds, images, warm = 0.0, 0, False
    while images == 0 or seconds < TIMED_SECONDS:
        started = time.perf_counter()
        for chosen, (image, label, targets) in sampler.batches(timed["stage1"]["batch"], patch):
            step(image, label, targets, 1e-6)
            if warm:
                images += len(chosen)
                seconds += time.perf_counter() - started
            warm, started = True, time.perf_counter()
    return seconds / images


def time_encoding(kind, encoder, case, device):
    """Seconds a slice of a whole scan."""
    encoder.eval()
    encode = kind.encode_case(encoder, device)
    few = argparse.Namespace(images=case.images[:32]) if encode is None else case
    if encode is None:
        frozen = freeze(encoder, case.images.shape[-1], device)
        encode = lambda one: encode_slices(frozen, one, 8, device)
    encode(few)
    started = time.perf_counter()
    encode(few)
    return (time.perf_counter() - started) / len(few.images)


def time_sequences(profile, length, slices, args, scratch):
    """Seconds a slice and epoch of stage 2, on features of noise."""
    batch = profile["stage2"]["batch"]
    noise = np.random.default_rng(0)
    cases = [argparse.Namespace(id=str(i), label=i % 2 == 0, truth=np.full(slices, float(i % 2 == 0), np.float32)) for i in range(2 * batch)]
    encoded = {case.id: (noise.standard_normal((slices, length), np.float32), None) for case in cases}
    once = {**profile, "stage2": {**profile["stage2"], "epochs": 1}}
    started = time.perf_counter()
    train_classifier(once, encoded, {"train": cases, "validation": cases[:2]}, Path(scratch), 0, args.device, report=lambda text: None)
    return (time.perf_counter() - started) / (len(cases) * slices)


def steps_of(profile, args, counts, measured):
    """(what, hours, bytes on disk) of each part, from what was measured; early stopping may end both stages sooner."""
    one, two = profile["stage1"], profile["stage2"]
    stage1 = counts.get("images", counts["train"]) * measured["slicesOfImages"]
    whole = sum(count for split, count in counts.items() if split != "images") * measured["slices"]
    images = one["imagesPerEpoch"] or stage1 * measured["known"]
    patches = one["epochs"] * images if one["patch"] else 0
    fields = one["fieldEpochs"] * one["fieldImagesPerEpoch"] if one["patch"] else one["epochs"] * images
    # Epochs on whole fields are judged each, those on patches now and then, unless it is they that early stopping watches.
    judged = one["epochs"] if one["patience"] is not None or not one["patch"] else one["epochs"] // 20 + one["fieldEpochs"]
    validated = judged * min(one.get("validationImages", 600), counts["validation"] * measured["slices"])
    exported = whole + (stage1 if "images" in counts else 0)
    epochs = two.get("epochs", 0) + profile.get("levels", {}).get("epochs", 0) * (not args.dataset)
    return [
        ("cohort", measured["exportSeconds"] * exported / len(os.sched_getaffinity(0)), measured["tensorBytes"] * exported),
        *localiser_step(counts, measured["localiser"]),
        # Weights, their average, the best ones and the optimizer's two moments.
        ("stage 1", measured["patchSeconds"] * patches + measured["fieldSeconds"] * fields + measured["encodeSeconds"] * validated, 5 * measured["weightBytes"]),
        ("features", measured["encodeSeconds"] * whole, 4 * (measured["featureLength"] + 1) * whole),
        ("stage 2", measured["sequenceSeconds"] * counts["train"] * measured["slices"] * epochs, 0),
    ]


def localiser_step(counts, localiser):
    """As if the vertebrae of all scans were known; where they are of fewer, it takes less."""
    if localiser is None:
        return []
    each_epoch = counts.get("images", counts["train"]) * localiser["learnSeconds"] + counts["validation"] * localiser["lookSeconds"]
    # Weights and the optimizer's two moments.
    return [("localiser", localiser["epochs"] * each_epoch + sum(counts.values()) * localiser["lookSeconds"], 3 * localiser["weightBytes"])]


def memory_of(counts, measured):
    """Of the process: what it took here, and the features that stage 2 has in memory at a time."""
    return measured["processBytes"] + 4 * measured["featureLength"] * min(counts["train"], SCANS_IN_MEMORY) * measured["slices"]


def lines(profile, args, counts, measured):
    steps = steps_of(profile, args, counts, measured)
    disk = sum(size for _, _, size in steps)
    memory = memory_of(counts, measured)
    there = Path(args.out).resolve()
    while not there.exists():
        there = there.parent
    free, installed = shutil.disk_usage(there).free, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    per_image = measured["fieldSeconds"] or math.inf
    return [
        "",
        f"Plan for {', '.join(f'{count} {split}' for split, count in counts.items())} scans with profile {profile['name']} on {args.device}, {args.threads} threads.",
        f"An estimate from {SAMPLE} scans of a split ({measured['slices']:.0f} slices a scan) and steps timed here ({1 / per_image:.1f} images/s in stage 1,",
        f"{1 / measured['encodeSeconds']:.1f} slices/s encoded), with the machine as busy as it is now. Early stopping may end the stages sooner.",
        "",
        f"{'step':<10}{'hours':>10}{'disk':>12}",
        *[f"{name:<10}{seconds / HOUR:>10.2f}{amount(size):>12}" for name, seconds, size in steps],
        f"{'all':<10}{sum(seconds for _, seconds, _ in steps) / HOUR:>10.2f}{amount(disk):>12}",
        "",
        fits("disk", disk, free, f"are free at {there}"),
        fits("memory", memory, installed, "are installed; what is left keeps the images of stage 1 at hand"),
        *([f"memory of the GPU: {measured['deviceBytes'] / GIB:.1f} GiB in a step of stage 1."] if measured["deviceBytes"] else []),
        "Nothing was written. Leave out --plan to start.",
    ]


def fits(what, need, have, where):
    verdict = "" if need <= have else " IT DOES NOT FIT."
    return f"{what}: {amount(need)} are needed, {amount(have)} {where}.{verdict}"


def amount(size):
    return f"{size / GIB:.2f} GiB" if size >= GIB else f"{size / MIB:.1f} MiB"
