"""K-fold cross-validation: each variant's BLSTM, in each of its widths, on the same folds. Writes one file of results a fold, and prints the paper's Tables 2 and 3.

On phantoms the encoders are trained (or given) once, on patients who are in no fold: every scan that is tested is new to both stages, and the folds repeat stage 2.
With --dataset each fold trains both stages anew, as the paper did.
"""
import argparse
import hashlib
import json
import multiprocessing
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch

from .cohort import load_split
from .evaluate import auc
from .features import Features, encode_cases
from .profile import TRAINING, load_profile, make_encoder
from .run import export_cohort, report
from .stage1 import train_encoder
from .stage2 import case_logits, platt, train_classifier
from .start import load_start

FOLD_SPLITS = ("train", "validation", "test", "negatives")


def main():
    parser = argparse.ArgumentParser(prog="training/crossval", description=__doc__)
    parser.add_argument("--study", help="folds and variants: a name in training/profiles, or a JSON file (default: crossval; with --dataset: crossval-paper)")
    parser.add_argument("--seed", type=int, default=1, help="of the cohort, the folds and the training")
    parser.add_argument("--out", required=True, help="encoders, features, folds and, in results/, what `odontoid crossval` reads")
    parser.add_argument("--dataset", help="a labelled dataset (docs/evaluation.md): both stages are trained in each fold")
    parser.add_argument("--split", help='the folds of a dataset, made by "odontoid split DATASET --folds 7" (default: made so, with the study\'s number and --seed)')
    parser.add_argument("--cohort", help="where the cohort is or goes (default: OUT/cohort)")
    parser.add_argument("--variants", help="only these, with commas between")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="folds of stage 2 at once, each on a thread of its own")
    args = parser.parse_args()
    args.study = args.study or ("crossval-paper" if args.dataset else "crossval")
    study = load_profile(args.study)
    args.profile, args.device = study["profile"], "cuda" if torch.cuda.is_available() else "cpu"
    args.cohort = args.cohort or str(Path(args.out) / "cohort")
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    results = Path(args.out) / "results"
    results.mkdir(parents=True, exist_ok=True)
    wanted = args.variants.split(",") if args.variants else None
    variants = [v for v in study["variants"] if wanted is None or v["name"] in wanted]
    (of_dataset if args.dataset else of_phantoms)(args, study, variants, results)


def of_phantoms(args, study, variants, results):
    export_cohort(args, ["images", *FOLD_SPLITS])
    for name in dict.fromkeys(v["encoder"] for v in variants):
        profile = overlaid(load_profile(study["profile"]), study["encoders"][name].get("changes", {}))
        size = profile["input"]["sizePixels"]
        cases = [case for split in FOLD_SPLITS for case in load_split(args.cohort, split, size)]
        folds = make_folds(cases, study, args.seed)
        (Path(args.out) / "folds.json").write_text(json.dumps([[c.id for c in fold] for fold in folds["tested"]]))
        tasks = [(variant, units, k) for variant in variants if variant["encoder"] == name for units in variant["units"] for k in range(study["folds"])]
        waiting = tasks_left(tasks, results)
        out = Path(args.out) / "encoders" / name
        apart(lambda: encode(study["encoders"][name], profile, phantoms_of_stage1(args, size), cases, args, out))
        encoded = Features(out / "features")
        report(f"encoder {name}: {len(waiting)} folds to train, {args.jobs} at once")
        train_folds(waiting, study, profile, folds, encoded, args, results)


def of_dataset(args, study, variants, results):
    """Fold by fold: an encoder that has seen nothing of the fold, and each variant's stage 2 on its features. What a fold has finished stays; its features go."""
    args.split = args.split or str(Path(args.out) / "split.json")
    if not Path(args.split).exists():
        odontoid("split", str(Path(args.dataset).resolve()), "--folds", str(study["folds"]), "--seed", str(args.seed), "--out", str(Path(args.split).resolve()))
    parts = list(json.loads(Path(args.split).read_text())["parts"])
    study["folds"] = len(parts)
    export_cohort(args, parts)
    for k, part in enumerate(parts):
        for name in dict.fromkeys(v["encoder"] for v in variants):
            tasks = [(variant, units, k) for variant in variants if variant["encoder"] == name for units in variant["units"]]
            waiting = tasks_left(tasks, results)
            report(f"{part}, encoder {name}: {len(waiting)} of {len(tasks)} variants to train")
            if not waiting:
                continue
            profile = overlaid(load_profile(study["profile"]), study["encoders"][name].get("changes", {}))
            folds = {"tested": [load_split(args.cohort, other, profile["input"]["sizePixels"]) for other in parts], "surplus": []}
            train, validation = divide(folds, k, study, args.seed)
            out = Path(args.out) / part / name
            cases = train + validation + folds["tested"][k]
            apart(lambda: encode(study["encoders"][name], profile, lambda: {"train": train, "validation": validation}, cases, args, out))
            encoded = Features(out / "features")
            train_folds(waiting, study, profile, folds, encoded, args, results)
            shutil.rmtree(out / "features")
    odontoid("crossval", str(results.resolve()), "--baseline", variants[0]["name"], "--html", str((Path(args.out) / "crossval.html").resolve()))


def tasks_left(tasks, results):
    return [task for task in tasks if not (results / file_name(*task)).exists()]


def train_folds(tasks, study, profile, folds, encoded, args, results):
    # The workers are forked after this and so share what lies in memory.
    global _shared
    _shared = (study, profile, folds, encoded, args, results)
    with multiprocessing.get_context("fork").Pool(args.jobs, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for done, text in enumerate(pool.imap_unordered(run_fold, tasks)):
            report(f"{done + 1}/{len(tasks)} {text}")


def odontoid(*words):
    subprocess.run(["node", "bin/odontoid.js", *words], cwd=TRAINING.parent, check=True)


_shared = None
_work = None


def apart(work):
    """Does `work` in a process of its own: one in which PyTorch has computed gradients cannot be forked into workers that compute some, too."""
    global _work
    _work = work
    with multiprocessing.get_context("fork").Pool(1) as pool:
        pool.apply(do_work)


def do_work():
    _work()


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


def divide(folds, k, study, seed):
    """Training and validation of fold k: what is not tested in it, divided by patient."""
    rest = folds["surplus"] + [case for i, fold in enumerate(folds["tested"]) if i != k for case in fold]
    random = np.random.default_rng(fold_seed(seed, k))
    patients = {}
    for case in rest:
        patients.setdefault(patient_of(case), []).append(case)
    train, validation = [], []
    for label in (True, False):
        group = [own for own in patients.values() if any(c.label for c in own) == label]
        group = [group[i] for i in random.permutation(len(group))]
        cut = round(len(group) * study["validationFraction"])
        validation += [case for own in group[:cut] for case in own]
        train += [case for own in group[cut:] for case in own]
    return train, validation


def fold_seed(seed, k):
    return int.from_bytes(hashlib.sha256(f"{seed}/{k}".encode()).digest()[:4], "big")


def patient_of(case):
    """A phantom is a patient of its own."""
    return case.meta.get("patient", case.id)


def phantoms_of_stage1(args, size):
    """Read when they are asked for: a package has learned already."""
    return lambda: {"train": load_split(args.cohort, "images", size), "validation": load_split(args.cohort, "validation", size)}


def encode(recipe, profile, cohort, cases, args, out):
    """Leaves the features of `cases`, by the encoder of a package or by one that is trained on cohort()'s training and validation cases."""
    out.mkdir(parents=True, exist_ok=True)
    size = profile["input"]["sizePixels"]
    if "package" in recipe:
        encoder = make_encoder(profile)
        encoder.load_state_dict(load_start(TRAINING.parent / recipe["package"], profile, torch.rand(2, 3, size, size)))
    else:
        encoder = train_encoder(profile, cohort(), out, args.seed, args.device, report=report)
    encode_cases(encoder, cases, out / "features", args.device, report=report)


def file_name(variant, units, fold):
    return f"{variant['name']}-{units}-fold{fold + 1}.json"


def run_fold(task):
    variant, units, k = task
    study, profile, folds, encoded, args, results = _shared
    profile = overlaid(profile, variant.get("changes", {}))
    profile = overlaid(profile, {"classifier": {"units": units}})
    seed = fold_seed(args.seed, k)
    train, validation = divide(folds, k, study, args.seed)
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
            record.append({"id": case.meta.get("case", case.id), "patient": patient_of(case), "split": split, "label": int(case.label),
                           "score": float(1 / (1 + np.exp(-(slope * logit + intercept)))), "levels": sorted({f["level"] for f in case.meta["fractures"]} - {None}),
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
    return ["--study", Path(args.study).stem, "--seed", str(args.seed), *(["--dataset", "DIR"] if args.dataset else []), *(["--variants", args.variants] if args.variants else [])]


if __name__ == "__main__":
    sys.exit(main())
