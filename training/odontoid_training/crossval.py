"""K-fold cross-validation: each variant's BLSTM, in each of its widths, on the same folds. Writes one file of results a fold, for `odontoid crossval`.

The encoders are trained (or given) once, on patients who are in no fold: every scan that is tested is new to both stages. What the folds repeat is stage 2.
"""
import argparse
import hashlib
import json
import multiprocessing
import os
import shlex
import sys
import time
from pathlib import Path

import numpy as np
import torch

from .cohort import load_split
from .evaluate import auc
from .features import encode_cases
from .profile import TRAINING, load_profile, make_encoder
from .run import export_cohort, report
from .stage1 import train_encoder
from .stage2 import case_logits, platt, train_classifier
from .start import load_start

FOLD_SPLITS = ("train", "validation", "test", "negatives")


def main():
    parser = argparse.ArgumentParser(prog="training/crossval", description=__doc__)
    parser.add_argument("--study", default="crossval", help="folds and variants: a name in training/profiles, or a JSON file")
    parser.add_argument("--seed", type=int, default=1, help="of the cohort, the folds and the training")
    parser.add_argument("--out", required=True, help="encoders, features, folds.json and, in results/, what `odontoid crossval` reads")
    parser.add_argument("--cohort", help="where the cohort is or goes (default: OUT/cohort)")
    parser.add_argument("--variants", help="only these, with commas between")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="folds at once, each on a thread of its own")
    args = parser.parse_args()
    study = load_profile(args.study)
    args.profile, args.device = study["profile"], "cuda" if torch.cuda.is_available() else "cpu"
    # Its cohort is of phantoms.
    args.dataset = None
    args.cohort = args.cohort or str(Path(args.out) / "cohort")
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    results = Path(args.out) / "results"
    results.mkdir(parents=True, exist_ok=True)

    export_cohort(args, ["images", *FOLD_SPLITS])
    wanted = args.variants.split(",") if args.variants else None
    variants = [v for v in study["variants"] if wanted is None or v["name"] in wanted]
    for name in dict.fromkeys(v["encoder"] for v in variants):
        profile = overlaid(load_profile(study["profile"]), study["encoders"][name].get("changes", {}))
        size = profile["input"]["sizePixels"]
        cases = [case for split in FOLD_SPLITS for case in load_split(args.cohort, split, size)]
        folds = make_folds(cases, study, args.seed)
        (Path(args.out) / "folds.json").write_text(json.dumps([[c.id for c in fold] for fold in folds["tested"]]))
        encoded = apart(lambda: encode(study["encoders"][name], profile, cases, args, Path(args.out) / "encoders" / name))
        tasks = [(variant, units, k) for variant in variants if variant["encoder"] == name for units in variant["units"] for k in range(study["folds"])]
        tasks = [task for task in tasks if not (results / file_name(*task)).exists()]
        report(f"encoder {name}: {len(tasks)} folds to train, {args.jobs} at once")
        # The workers are forked after this and so share the features.
        global _shared
        _shared = (study, profile, folds, encoded, args, results)
        with multiprocessing.get_context("fork").Pool(args.jobs, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            for done, text in enumerate(pool.imap_unordered(run_fold, tasks)):
                report(f"{done + 1}/{len(tasks)} {text}")


_shared = None
_work = None


def apart(work):
    """What `work` returns, from a process of its own: one in which PyTorch has computed gradients cannot be forked into workers that compute some, too."""
    global _work
    _work = work
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(do_work)


def do_work():
    return _work()


def overlaid(profile, changes):
    """The profile with some values of some of its sections replaced."""
    return {**profile, **{section: {**profile[section], **values} if isinstance(values, dict) else values for section, values in changes.items()}}


def make_folds(cases, study, seed):
    """Stratified by the case label; a phantom is a patient of its own. Positives beyond the tested share train in every fold."""
    random = np.random.default_rng((seed, 7))
    positive, negative = ([c for c in cases if c.label == label] for label in (True, False))
    share = study["testedPositiveFraction"]
    tested = min(len(positive), round(len(negative) * share / (1 - share)))
    positive = [positive[i] for i in random.permutation(len(positive))]
    negative = [negative[i] for i in random.permutation(len(negative))]
    k = study["folds"]
    return {"tested": [positive[:tested][i::k] + negative[i::k] for i in range(k)], "surplus": positive[tested:]}


def encode(recipe, profile, cases, args, out):
    out.mkdir(parents=True, exist_ok=True)
    size = profile["input"]["sizePixels"]
    if "package" in recipe:
        encoder = make_encoder(profile)
        encoder.load_state_dict(load_start(TRAINING.parent / recipe["package"], profile, torch.rand(2, 3, size, size)))
    else:
        images = load_split(args.cohort, "images", size)
        encoder = train_encoder(profile, {"train": images, "validation": load_split(args.cohort, "validation", size)}, out, args.seed, args.device, report=report)
    return encode_cases(encoder, cases, out / "features", args.device, report=report)


def file_name(variant, units, fold):
    return f"{variant['name']}-{units}-fold{fold + 1}.json"


def run_fold(task):
    variant, units, k = task
    study, profile, folds, encoded, args, results = _shared
    profile = overlaid(profile, variant.get("changes", {}))
    profile = overlaid(profile, {"classifier": {"units": units}})
    rest = folds["surplus"] + [case for i, fold in enumerate(folds["tested"]) if i != k for case in fold]
    seed = int.from_bytes(hashlib.sha256(f"{args.seed}/{k}".encode()).digest()[:4], "big")
    random = np.random.default_rng(seed)
    train, validation = [], []
    for label in (True, False):
        group = [c for c in rest if c.label == label]
        group = [group[i] for i in random.permutation(len(group))]
        cut = round(len(group) * study["validationFraction"])
        validation += group[:cut]
        train += group[cut:]
    started = time.time()
    scratch = results.parent / "logs" / file_name(*task).removesuffix(".json")
    scratch.mkdir(parents=True, exist_ok=True)
    classifier = train_classifier(profile, encoded, {"train": train, "validation": validation}, scratch, seed, "cpu", report=lambda text: None)
    slope, intercept = platt(*case_logits(classifier, encoded, validation, "cpu"))
    record = []
    for split, cases in (("test", folds["tested"][k]), ("validation", validation)):
        logits, labels = case_logits(classifier, encoded, cases, "cpu")
        for case, logit in zip(cases, logits):
            slices = {"sliceLabels": [int(label) if known else None for label, known in zip(case.labels, case.known)], "sliceScores": encoded[case.id][1].astype(float).round(4).tolist()}
            record.append({"id": case.id, "patient": case.id, "split": split, "label": int(case.label),
                           "score": float(1 / (1 + np.exp(-(slope * logit + intercept)))), "levels": sorted({f["level"] for f in case.meta["fractures"]}),
                           "types": case.types, "grade": case.grades[0] if case.grades else None, **(slices if units == variant["units"][0] else {})})
        if split == "test":
            figure = auc(logits, labels)
    path = results / file_name(*task)
    path.with_suffix(".part").write_text(json.dumps({
        "schema": 1, "kind": "fold-results", "variant": variant["name"], "title": variant["title"], "units": units, "fold": k + 1, "folds": study["folds"],
        "seed": args.seed, "command": f"training/crossval {shlex.join(public_arguments(args))}", "cases": record}))
    path.with_suffix(".part").replace(path)
    return f"{variant['name']} {units} fold {k + 1}: case AUC {figure:.4f}, {time.time() - started:.0f} s"


def public_arguments(args):
    """What shapes the result; where it lies does not."""
    return ["--study", Path(args.study).stem, "--seed", str(args.seed), *(["--variants", args.variants] if args.variants else [])]


if __name__ == "__main__":
    sys.exit(main())
