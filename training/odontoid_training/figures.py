"""Figures on unseen phantoms, and the card that states them."""
import math

import numpy as np

from .evaluate import auc_interval, clustered_auc_interval, clustered_proportion_interval, proportion_interval
from .model import LEVELS

GRADES = ("obvious", "middle", "subtle")
# Trauma protocols reconstruct the neck at about 1 mm; in thick slices, a fracture parallel to them can hide between two.
THIN_MM = 1.5


def case_figures(cases, outputs, encoded, threshold, limit):
    """cases: unseen; outputs: id -> (probability, slice scores, domain distances, levels or None). threshold: the one of 90 % specificity on the validation
    scans; one that is fitted to the test cases would make them look better."""
    labels = np.array([c.label for c in cases])
    scores = np.array([outputs[c.id][0] for c in cases])
    patient = np.array([c.meta.get("patient", c.id) for c in cases])
    grade = np.array([c.grades[0] if c.grades else "" for c in cases])
    spacing = np.array([c.meta["sliceSpacingMm"] for c in cases])
    values = []

    def add(name, interval, positives, negatives, **more):
        values.append({"name": name, **more, "value": rounded(interval[0]), "low": rounded(interval[1]), "high": rounded(interval[2]),
                       "positives": int(positives), "negatives": int(negatives)})

    def add_case_auc(among, **more):
        for g in (*GRADES, "all"):
            positive = among & labels & ((grade == g) | (g == "all"))
            chosen = positive | (among & ~labels)
            if positive.sum() > 1 and (among & ~labels).sum() > 1:
                add("caseAuc", auc_interval(scores[chosen], labels[chosen]), positive.sum(), (among & ~labels).sum(), grade=g, **more)

    add_case_auc(np.ones(len(cases), bool))
    add_case_auc(spacing <= THIN_MM, spacing=f"at most {THIN_MM} mm")
    add_case_auc(spacing > THIN_MM, spacing=f"above {THIN_MM} mm")

    for type_ in sorted({t for c in cases for t in c.types}):
        hits = [outputs[c.id][0] >= threshold for c in cases if c.types == [type_] and c.grades != ["subtle"]]
        every = [outputs[c.id][0] >= threshold for c in cases if c.types == [type_]]
        add("sensitivityAt90Specificity", proportion_interval(sum(every), len(every)), len(every), (~labels).sum(), type=type_,
            withoutSubtle=f"{sum(hits)}/{len(hits)}")
    for g in GRADES:
        hits = scores[grade == g] >= threshold
        add("sensitivityAt90Specificity", clustered_proportion_interval(hits, patient[grade == g]), len(hits), (~labels).sum(), grade=g)

    image_labels = np.concatenate([c.labels[c.known] for c in cases])
    image_scores = np.concatenate([encoded[c.id][1][c.known] for c in cases])
    slice_scores = np.concatenate([outputs[c.id][1][c.known] for c in cases])
    of_case = np.concatenate([np.full(c.known.sum(), i) for i, c in enumerate(cases)])
    add("imageAuc", clustered_auc_interval(image_scores, image_labels, of_case), image_labels.sum(), (~image_labels).sum())
    add("sliceScoreAuc", clustered_auc_interval(slice_scores, image_labels, of_case), image_labels.sum(), (~image_labels).sum())
    if all(outputs[c.id][3] is not None for c in cases):
        add_level_figures(cases, outputs, threshold, add)
    accepted = np.array([np.median(outputs[c.id][2]) <= limit for c in cases])
    add("acceptedByDomainCheck", clustered_proportion_interval(accepted, patient), labels.sum(), (~labels).sum())

    def at_threshold(positive):
        chosen = labels == positive
        hits = (scores[chosen] >= threshold) == positive
        value, low, high = clustered_proportion_interval(hits, patient[chosen])
        return {"value": value, "low": low, "high": high, "n": int(chosen.sum())}

    operating = {"threshold": threshold, "sensitivity": at_threshold(True), "specificity": at_threshold(False)}
    for name in ("sensitivity", "specificity"):
        o = operating[name]
        add(name, (o["value"], o["low"], o["high"]), labels.sum(), (~labels).sum(), operatingPoint="default")
    return {"values": values, "operating": operating}


def add_level_figures(cases, outputs, threshold, add):
    """Of slices that cut a vertebra: is the likeliest one cut; of broken scans that are flagged: does the slice with the highest score name the broken level."""
    cut = [(c.id, LEVELS[row.argmax()] in here) for c in cases for row, here in zip(outputs[c.id][3], c.meta.get("levels", [])) if here]
    if cut:
        add("likeliestLevelIsCut", clustered_proportion_interval([hit for _, hit in cut], [case for case, _ in cut]), len(cut), 0)
    named = [any(outputs[c.id][3][outputs[c.id][1].argmax()][LEVELS.index(level)] >= 0.5 for level in broken)
             for c in cases if (broken := {f["level"] for f in c.meta["fractures"]} & set(LEVELS)) and outputs[c.id][0] >= threshold]
    add("brokenLevelNamed", proportion_interval(sum(named), len(named)), len(named), 0)


def rounded(value):
    """Four digits; None, hence null in JSON, where there were too few cases for a figure."""
    return None if math.isnan(value) else round(float(value), 4)


def write_card(path, manifest, figures, profile, args, network):
    """The model's card in Markdown: what it is (`network`), what it was trained on, what it reaches, where it ends."""
    def row(v):
        detail = ", ".join(f"{k} {v[k]}" for k in ("grade", "type", "spacing", "operatingPoint", "withoutSubtle") if k in v).replace("withoutSubtle", "without the subtle ones")
        value, low, high = ("-" if v[k] is None else f"{v[k]:.3f}" for k in ("value", "low", "high"))
        return f"| {v['name']} | {detail} | {value} | {low} to {high} | {v['positives']} / {v['negatives']} |"

    data = manifest["trainingData"]
    seeds = data.get("seeds")
    anatomy = manifest["domain"]["anatomy"]
    what = "phantoms" if seeds else "cases"

    def of_seeds(split):
        return f" (seeds {seeds[split][0]} to {seeds[split][1]})" if seeds else ""

    lines = [
        f"# {manifest['name']} {manifest['version']}", "",
        manifest["intendedUse"], "",
        "## What it is", "",
        network, "",
        "## What it was trained on", "",
        f"{data['statement']} Stage 1: {data['cases']['images'] or data['cases']['train']} patients; stage 2: {data['cases']['train']} scans{of_seeds('train')}; calibration: "
        f"{data['cases']['validation']} scans{of_seeds('validation')}; threshold: these and {data['cases']['negatives']} intact ones.", "",
        "Where it deviates from the paper, and why:", "",
        *[f"- **{name}**: {why}" for name, why in profile.get("deviations", {}).items()], "",
        "## Performance", "",
        f"Measured on {data['cases']['test']} unseen {what}{of_seeds('test')}, with 95 % intervals (DeLong for cases, bootstrap over cases for images, Wilson for shares, with slices of one scan and scans of one patient taken together); the threshold was chosen on the validation scans."
        + (" These are figures on phantoms: they say nothing about patients." if seeds else ""), "",
        "| figure | of | value | interval | positives / negatives |", "| --- | --- | --- | --- | --- |",
        *[row(v) for v in figures["values"]], "",
        f"Made by `training/train --profile {profile['name']} --seed {args.seed}{'' if seeds else ' --dataset DIR --split FILE'} --out DIR`.", "",
        *([data["history"], ""] if "history" in data else []),
        "## Limits", "",
        f"The network knows such {what} only. The domain check (distance of the features, and order of the series) refuses what does not look like them; "
        f"the limit is {manifest['domain']['limit']:.2f} for the {manifest['domain']['statistic']} over the slices. Before that, the pixels are checked: a scan whose median slice shows less than "
        f"{anatomy['tissueAreaCm2']['low']} or more than {anatomy['tissueAreaCm2']['high']} cm² of tissue, or less than {anatomy['boneAreaCm2']['low']} or more than "
        f"{anatomy['boneAreaCm2']['high']} cm² of bone, is not scored.{texture_text(manifest['domain'].get('texture'))}", "",
    ]
    path.write_text("\n".join(lines))


def texture_text(texture):
    """The sentence of the card on blurred scans and averaged slices; nothing without limits for them."""
    if texture is None:
        return ""
    within, along = ("less than {low} or more than {high}".format(**texture[change]) for change in ("changeInPlane", "changeAlong"))
    return f" Nor is one whose fine detail in soft tissue changes its sign within two pixels at {within} of places, or {along} times as often to the next slice as to the fourth."
