"""The whole way: cohort, stage 1, features, stage 2, calibration, domain, package, figures. Each step resumes."""
import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch

from . import together
from .cohort import load_split
from .curves import write_curves
from .features import encode_cases
from .figures import case_figures, write_card
from .kinds import kind_of
from .model import CalibratedCase
from .plan import print_plan
from .package import LICENCE, PHANTOMS, write_package
from .profile import TRAINING, load_profile
from .stage1 import train_encoder
from .start import load_start
from .stage2 import case_logits, fit_domain, platt
from .evaluate import proportion_interval, threshold_at_specificity


def report(text):
    if together.is_first():
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def export_cohort(args, splits, sample=None):
    """Writes the splits; with `sample` only so many scans of each. The first of several processes writes, the others wait."""
    if together.is_first():
        write_cohort(args, splits, sample)
    together.wait()


def write_cohort(args, splits, sample):
    source = ["exportDataset.ts", "--dataset", str(Path(args.dataset).resolve()), "--split", str(Path(args.split).resolve())] if args.dataset else ["exportCohort.ts", "--seed", str(args.seed)]
    profile = str(Path(args.profile).resolve()) if args.profile.endswith(".json") else args.profile
    subprocess.run(["npx", "tsx", str(TRAINING / source[0]), *source[1:], "--profile", profile,
                    "--out", str(Path(args.cohort).resolve()), "--splits", ",".join(splits), *(["--sample", str(sample)] if sample else [])], cwd=TRAINING.parent, check=True)


def main():
    parser = argparse.ArgumentParser(prog="training/train", description=__doc__)
    parser.add_argument("--profile", default="compact", help="a name in training/profiles, or a JSON file")
    parser.add_argument("--seed", type=int, default=1, help="of the cohort and of the training")
    parser.add_argument("--out", required=True, help="checkpoints, logs and, in package/, the model package")
    parser.add_argument("--cohort", help="where the cohort is or goes (default: OUT/cohort)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, help="of PyTorch on a processor (default: its cores, divided among the processes)")
    parser.add_argument("--loaders", type=int, help="processes that read and augment the images of stage 1 (default: with a GPU the cores of each process, at most 8; else none)")
    parser.add_argument("--start", help="an encoder.pt or a model package to go on from: another cycle of stage 1, in a new --out")
    parser.add_argument("--history", default="", help="what came before this run, for the record in the package")
    parser.add_argument("--version", default="1.0.0", help="of the package")
    parser.add_argument("--name", help="of the package (default: odontoid- and the profile's)")
    parser.add_argument("--dataset", help="train on this labelled dataset (docs/evaluation.md) and not on phantoms; with --split and --statement")
    parser.add_argument("--split", help='its train, validation and test: a file made by "odontoid split DATASET --shares 70,15,15"')
    parser.add_argument("--statement", default=PHANTOMS, help="of a dataset: what it is and whose, for the record in the package")
    parser.add_argument("--licence", help=f"of the package: weights may carry the terms of the data that they were trained on (default with phantoms: {LICENCE})")
    parser.add_argument("--plan", action="store_true", help="print the disk, memory and hours that this training would take here, from a short timing of its steps, and end")
    args = parser.parse_args()
    if args.dataset and (args.split is None or args.statement == PHANTOMS or args.licence is None):
        parser.error("--dataset wants --split, a --statement of what it is, and the --licence that a network trained on it is under")
    together.join(args.device)
    cores = max(1, os.cpu_count() // together.count())
    args.threads = args.threads or cores
    loaders = (min(8, cores) if args.device == "cuda" else 0) if args.loaders is None else args.loaders
    torch.set_num_threads(args.threads)
    profile = load_profile(args.profile)
    out = Path(args.out)
    args.cohort = args.cohort or str(out / "cohort")
    kind = kind_of(profile)
    if args.plan:
        print_plan(profile, kind, args, split_counts(profile, args), export_cohort, report)
        return
    out.mkdir(parents=True, exist_ok=True)
    recipe = {} if args.dataset else profile["cohort"]
    sampled = recipe.get("images", 0) > 0
    first = "images" if sampled else "train"
    report("cohort of stage 1")
    export_cohort(args, [first, "validation"])
    validation = load_split(args.cohort, "validation")
    images = load_split(args.cohort, first)
    # What it learns the first process learns; the others find it finished.
    if not together.is_first():
        together.wait()
    seen = kind.seen(profile, {"train": images, "validation": validation}, out, args, report)
    if together.is_first():
        together.wait()
    images, validation = seen(images), seen(validation)
    start = None
    if args.start:
        sample = kind.sampler(images, profile, args.seed)
        start = load_start(args.start, profile, next(sample.batches(64, profile["stage1"]["patch"]))[1][0])
    encoder = train_encoder(profile, {"train": images, "validation": validation}, out, args.seed, args.device, start=start, report=report, kind=kind, loaders=loaders)
    if together.is_first():
        torch.save(encoder.state_dict(), out / "encoder.pt")

    report("cohort of stage 2 and of the test")
    beside = ["negatives"] if recipe.get("negatives", 0) else []
    export_cohort(args, ["train", *beside, "test"])
    train, test = seen(load_split(args.cohort, "train")), seen(load_split(args.cohort, "test"))
    negatives = seen(load_split(args.cohort, "negatives")) if beside else []
    cases = train + validation + negatives + test
    encoded = encode_cases(encoder, cases[together.rank()::together.count()], out / "features", args.device, report=report, encode=kind.encode_case(encoder, args.device))
    together.wait()
    # What is left takes one process.
    if not together.is_first():
        return
    finish(profile, kind, args, recipe, encoder.cpu(), encoded, train, validation, negatives, test, out)


def split_counts(profile, args):
    """Scans of each split."""
    if args.dataset:
        parts = json.loads(Path(args.split).read_text())["parts"]
        return {name: len(parts[name]) for name in ("train", "validation", "test")}
    return {name: profile["cohort"][name] for name in ("images", "train", "validation", "negatives", "test") if profile["cohort"].get(name, 0)}


def finish(profile, kind, args, recipe, encoder, encoded, train, validation, negatives, test, out):
    classifier = kind.classifier(profile, encoder, encoded, {"train": train, "validation": validation}, out, args, report)
    logits, labels = case_logits(classifier, encoded, validation, "cpu")
    slope, intercept = platt(logits, labels)
    domain = fit_domain(profile, encoded, train)
    levels = kind.levels(profile, encoded, train + validation, args, report)
    case = CalibratedCase(classifier, domain, levels, slope, intercept).eval()

    limit, order = domain_limit(profile, domain, encoded, validation + negatives)
    domain.least_order.fill_(order)
    outputs = {c.id: run_case(case, encoded[c.id][0]) for c in validation + negatives + test}
    # The threshold is chosen on intact scans: the more of them, the better.
    scores = np.array([outputs[c.id][0] for c in validation + negatives])
    threshold = threshold_at_specificity(scores, np.array([c.label for c in validation + negatives]), 0.9)
    figures = case_figures(test, outputs, encoded, threshold, limit)
    sensitivity, specificity = figures["operating"]["sensitivity"], figures["operating"]["specificity"]
    history = " ".join(part for part in (args.history, origin_of(args.start)) if part)
    seeds = {split: [cases[0].meta["seed"], cases[-1].meta["seed"]] for split, cases in (("train", train), ("validation", validation), ("negatives", negatives), ("test", test)) if cases and "seed" in cases[0].meta}
    manifest = write_package(
        out / "package", profile, kind.parts(profile, encoder, case, out / "package"), name=args.name or f"odontoid-{profile['name']}", version=args.version, licence=args.licence or LICENCE,
        training_data={"statement": args.statement,
                       "profile": profile["name"], "seed": args.seed, "cases": {"train": len(train), "validation": len(validation), "negatives": len(negatives), "test": len(test),
                       "images": recipe.get("images", 0)}, **({"seeds": seeds} if seeds else {}),
                       **({"history": history} if history else {})},
        operating_points=[{"name": "default", "threshold": threshold, "sensitivity": sensitivity["value"], "specificity": specificity["value"],
                           "positives": sensitivity["n"], "negatives": specificity["n"]}],
        calibration={"method": "platt", "slope": slope, "intercept": intercept, "cases": len(validation)},
        domain={"output": "domain_distance", "statistic": "median", "limit": limit,
                "unit": "root mean square of whitened features (about 1 on training images); disorder of the series added",
                **anatomy_range(profile, train + validation + negatives), **texture_range(profile, train + validation + negatives),
                "statement": f"Limit: the {profile['domain']['acceptedFraction']:.0%} quantile over unseen cases, times {profile['domain']['limitFactor']}."},
        metrics={"statement": f"On {'cases' if args.dataset else 'phantoms'} that neither training nor calibration has seen.",
                 "cohort": {**({"seeds": seeds["test"]} if seeds else {}), "cases": len(test)},
                 "values": figures["values"]})
    write_curves(out)
    (out / "figures.json").write_text(json.dumps(figures, indent=2))
    write_card(out / "model-card.md", manifest, figures, profile, args, kind.describe(profile, manifest["files"]))
    report(f"package in {out / 'package'}; at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB of memory were in use")
    for value in figures["values"]:
        report(json.dumps(value))


def origin_of(start):
    """What a network that went on from another one has from it: that one's data, and perhaps its licence, are part of its own."""
    if not start:
        return ""
    manifest = Path(start) / "model.json"
    if not manifest.exists():
        return f"Stage 1 went on from the weights in {Path(start).name}."
    before = json.loads(manifest.read_text())
    return f"Stage 1 went on from {before['name']} {before['version']} ({before['licence']}), which had learned from this: {before['trainingData']['statement']}"


@torch.no_grad()
def run_case(case, features):
    """(probability, slice scores, domain distances, levels or None) of the exported graph's module."""
    probability, slices, distance, *levels = case(torch.from_numpy(features))
    return float(probability), slices.numpy(), distance.numpy(), levels[0].numpy() if levels else None


@torch.no_grad()
def domain_limit(profile, domain, encoded, cases):
    """Limit on the median distance, and the least correlation with the order, that unseen phantoms keep."""
    recipe = profile["domain"]
    medians = [float(torch.median(domain(torch.from_numpy(encoded[c.id][0])))) for c in cases]
    orders = [float(domain.order(torch.from_numpy(encoded[c.id][0]) - domain.mean)) for c in cases]
    limit = float(np.quantile(medians, recipe["acceptedFraction"])) * recipe["limitFactor"]
    order = max(0.5, min(orders) - 0.1)
    report(f"domain: medians {np.quantile(medians, [0, 0.5, 1]).round(3)}, orders {np.quantile(orders, [0, 0.5, 1]).round(3)}; limit {limit:.3f}, least order {order:.3f}")
    return limit, order


def anatomy_range(profile, cases):
    """How much tissue and bone the median slice of a scan shows, from the least of `cases` to the greatest, and beyond by the domain's factor on either side. Halves of
    scans count as scans: some cover a part of the neck only."""
    factor = profile["domain"]["limitFactor"]
    anatomy = {}
    for area in ("tissueAreaCm2", "boneAreaCm2"):
        medians = [float(np.median(part)) for c in cases for part in np.array_split(c.meta[area], 2)]
        anatomy[area] = {"low": round(min(medians) / factor, 1), "high": round(max(medians) * factor, 1)}
    return {"anatomy": anatomy}


def texture_range(profile, cases):
    """How often fine detail changes within a slice and to the next one (src/preprocess/texture.ts), over the halves of `cases` as anatomy_range has it; within a slice, where kernels lie closer
    together, by half of the factor's way. Empty where nobody measured it: scans exported by an earlier version, or without enough soft tissue."""
    factor = profile["domain"]["limitFactor"]
    halves = [half for c in cases for half in c.meta.get("texture", [])]
    texture = {}
    for change, margin in (("changeInPlane", factor ** 0.5), ("changeAlong", factor)):
        values = [half[change] for half in halves if half[change] is not None]
        if not values:
            return {}
        texture[change] = {"low": round(min(values) / margin, 3), "high": round(max(values) * margin, 3)}
    return {"texture": texture}


if __name__ == "__main__":
    sys.exit(main())
