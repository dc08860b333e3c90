"""Stage 2: the case classifier learns from the features of whole scans. Then its calibration, and the domain check."""
import copy
import csv
import math

import numpy as np
import torch
from torch.nn import functional

from .cohort import UNKNOWN
from .evaluate import auc
from .model import LEVELS, DomainCheck, LevelReader
from .profile import make_classifier
from .schedule import cosine


def train_classifier(profile, encoded, cohort, out, seed, device, *, report=print):
    recipe = profile["stage2"]
    random = np.random.default_rng(seed)
    torch.manual_seed(seed)
    cases = cohort["train"]
    classifier = make_classifier(profile, encoded[cases[0].id][0].shape[1])
    standardise(classifier, encoded, cases)
    classifier.to(device)
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=recipe["learningRate"], weight_decay=recipe["weightDecay"])
    best, best_loss, best_epoch = None, math.inf, 0
    log = (out / "stage2.csv").open("w", newline="")
    writer = csv.writer(log)
    writer.writerow(["epoch", "loss", "validationLoss", "validationCaseAuc"])
    for epoch in range(recipe["epochs"]):
        classifier.train()
        losses = []
        if recipe["schedule"] == "cosine":
            anneal(optimizer, recipe, epoch)
        for sequences in drawn_batches(lambda case: draw_sequence(*encoded_case(encoded, case), recipe, random), cases, recipe["batch"], random):
            # A part without the fracture is negative; a part of unknown truth gets the label of the scan.
            label = torch.tensor([float(np.any(l)) for _, l in sequences])
            feature, slice_label, mask = (t.to(device) for t in pad(sequences))
            logits = classifier.slice_logits(feature)
            weight = torch.where(label > 0, float(recipe["positiveWeight"]), 1.0).to(device)
            loss = case_loss(classifier.case_logit(logits, mask), label.to(device), weight, recipe.get("focalGamma", 0))
            if recipe["sliceWeight"]:
                each = functional.binary_cross_entropy_with_logits(logits, slice_label, reduction="none")
                certain = mask & (slice_label != UNKNOWN)
                loss = loss + recipe["sliceWeight"] * (each * certain).sum() / certain.sum().clamp_min(1)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(classifier.parameters(), 5.0)
            optimizer.step()
            losses.append(float(loss.detach()))
        logit, truth = case_logits(classifier, encoded, cohort["validation"], device)
        validation = float(functional.binary_cross_entropy_with_logits(torch.from_numpy(logit), torch.from_numpy(truth.astype(np.float32))))
        writer.writerow([epoch + 1, f"{np.mean(losses):.5f}", f"{validation:.5f}", f"{auc(logit, truth):.4f}"])
        if epoch % 10 == 9:
            report(f"stage 2 epoch {epoch + 1}/{recipe['epochs']}: loss {np.mean(losses):.4f}, validation loss {validation:.4f}, case AUC {auc(logit, truth):.4f}")
        if validation < best_loss:
            best, best_loss, best_epoch = copy.deepcopy(classifier.state_dict()), validation, epoch
        elif epoch - best_epoch >= recipe["patience"]:
            break
    log.close()
    classifier.load_state_dict(best)
    report(f"stage 2: kept epoch {best_epoch + 1}, validation loss {best_loss:.4f}")
    return classifier.cpu().eval()


def anneal(optimizer, recipe, epoch):
    """One cosine from the learning rate down to a fiftieth of it."""
    for group in optimizer.param_groups:
        group["lr"] = recipe["learningRate"] * cosine(epoch / recipe["epochs"])


def standardise(module, encoded, cases):
    """Sets a module's `mean` and `scale` so that the features of `cases` come out centred and of unit spread."""
    mean, deviation, overall = spread(encoded, cases)
    module.mean.copy_(torch.from_numpy(mean))
    module.scale.copy_(torch.from_numpy(1 / (deviation + 0.05 * overall)))


def spread(encoded, cases):
    """(mean, standard deviation, that of all values together) of the features of `cases`, scan by scan: all at once they would lie in memory twice."""
    count = sum(len(encoded[c.id][0]) for c in cases)
    mean = sum(encoded[c.id][0].sum(0, dtype=np.float64) for c in cases) / count
    variance = sum(((encoded[c.id][0] - mean) ** 2).sum(0) for c in cases) / count
    return mean, np.sqrt(variance), math.sqrt(variance.mean() + mean.var())


def train_levels(profile, encoded, cases, seed, device, *, report=print):
    """Teaches which vertebrae each slice cuts, from the phantoms' own labels."""
    recipe = {**profile["stage2"], **profile["levels"]}
    random = np.random.default_rng((seed, 8))
    torch.manual_seed(seed)
    reader = LevelReader(encoded[cases[0].id][0].shape[1])
    standardise(reader, encoded, cases)
    reader.to(device)
    truth = {c.id: np.array([[level in here for level in LEVELS] for here in c.meta["levels"]], np.float32) for c in cases}
    optimizer = torch.optim.AdamW(reader.parameters(), lr=recipe["learningRate"], weight_decay=recipe["weightDecay"])
    for epoch in range(recipe["epochs"]):
        anneal(optimizer, recipe, epoch)
        losses = []
        reader.train()
        for sequences in drawn_batches(lambda case: draw_sequence(encoded[case.id][0], truth[case.id], recipe, random), cases, recipe["batch"], random):
            feature, target, mask = (t.to(device) for t in pad(sequences))
            each = functional.binary_cross_entropy_with_logits(reader(feature), target, reduction="none").mean(2)
            loss = (each * mask).sum() / mask.sum()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(reader.parameters(), 5.0)
            optimizer.step()
            losses.append(float(loss.detach()))
        if epoch % 5 == 4:
            report(f"levels epoch {epoch + 1}/{recipe['epochs']}: loss {np.mean(losses):.4f}")
    return reader.cpu().eval()


# Scans of an epoch of stage 2 whose features lie in memory at a time: a part of a gigabyte with the paper's.
SCANS_IN_MEMORY = 256


def drawn_batches(draw, cases, batch, random):
    """Batches of draw(case) of all cases in random order; like lengths come together as far as they lie in memory together."""
    order = random.permutation(len(cases))
    for start in range(0, len(order), SCANS_IN_MEMORY):
        yield from like_lengths([draw(cases[i]) for i in order[start:start + SCANS_IN_MEMORY]], batch, random)


def like_lengths(sequences, batch, random):
    """Batches in random order whose sequences are about as long as each other: little is spent on padding."""
    ranked = sorted(sequences, key=lambda sequence: len(sequence[1]))
    batches = [ranked[start:start + batch] for start in range(0, len(ranked), batch)]
    return [batches[i] for i in random.permutation(len(batches))]


def case_loss(logit, label, weight, focal_gamma):
    """Binary cross-entropy; with `focal_gamma` > 0 what is right already counts less (Lin et al. 2017)."""
    each = functional.binary_cross_entropy_with_logits(logit, label, weight=weight, reduction="none")
    if focal_gamma:
        each = each * (1 - torch.exp(-functional.binary_cross_entropy_with_logits(logit, label, reduction="none"))) ** focal_gamma
    return each.mean()


def encoded_case(encoded, case):
    return encoded[case.id][0], case.truth


def draw_sequence(features, labels, recipe, random):
    """One training view of a scan. With `respace`, a part of it at another spacing: thinned out, or made denser by interpolation."""
    if not recipe["respace"]:
        return features, labels
    n = len(labels)
    # Often a little is cut from the ends, sometimes much: scans may cover a part of the neck only.
    cut = n // 10 if random.random() < 0.6 else n // 3
    first, last = random.integers(0, 1 + cut), n - random.integers(0, 1 + cut)
    step = float(np.exp(random.uniform(np.log(0.25), np.log(1.6)))) if random.random() < 0.6 else 1.0
    # Long scans are not made longer.
    step = max(step, (last - first) / 320)
    positions = np.arange(first + random.uniform(0, min(1, step)), last - 1, step)
    below = np.floor(positions).astype(int)
    part = (positions - below)[:, None].astype(np.float32)
    feature = features[below] * (1 - part) + features[below + 1] * part
    nearest = np.minimum(np.round(positions).astype(int), n - 1)
    return feature, labels[nearest]


def pad(sequences):
    longest = max(len(labels) for _, labels in sequences)
    feature = torch.zeros(len(sequences), longest, sequences[0][0].shape[1])
    label = torch.zeros(len(sequences), longest, *np.shape(sequences[0][1])[1:])
    mask = torch.zeros(len(sequences), longest, dtype=torch.bool)
    for i, (f, l) in enumerate(sequences):
        feature[i, :len(l)] = torch.from_numpy(np.asarray(f, np.float32))
        label[i, :len(l)] = torch.from_numpy(np.asarray(l, np.float32))
        mask[i, :len(l)] = True
    return feature, label, mask


@torch.no_grad()
def case_logits(classifier, encoded, cases, device):
    classifier.eval()
    logits = [float(classifier.case_logit(classifier.slice_logits(torch.from_numpy(encoded[c.id][0])[None].to(device)))[0]) for c in cases]
    return np.array(logits, np.float32), np.array([c.label for c in cases])


def platt(logits, labels):
    """Slope and intercept that make the logits calibrated (Platt 1999, with his smoothed targets)."""
    positive, negative = labels.sum(), (~labels).sum()
    target = torch.from_numpy(np.where(labels, (positive + 1) / (positive + 2), 1 / (negative + 2)).astype(np.float64))
    x = torch.from_numpy(logits.astype(np.float64))
    parameters = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([parameters], max_iter=200)

    def closure():
        optimizer.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(x * parameters[0] + parameters[1], target)
        loss.backward()
        return loss

    optimizer.step(closure)
    return float(parameters[0]), float(parameters[1])


def fit_domain(profile, encoded, cases):
    """Mean, shrunk covariance and level reading of the training scans' features."""
    recipe = profile["domain"]
    # Each feature is scaled to unit variance first: large ones would otherwise dominate the principal axes.
    mean, own, overall = spread(encoded, cases)
    deviation = own + 1e-3 * overall
    count, covariance, with_level = 0, 0.0, 0.0
    for c in cases:
        scaled = (encoded[c.id][0] - mean) / deviation
        # Where in the neck a slice lies, 0 at the top of the scan and 1 at its end; 0.5 on the average of any scan.
        level = np.linspace(0, 1, len(scaled)) - 0.5
        count += len(scaled)
        covariance = covariance + scaled.T @ scaled
        with_level = with_level + scaled.T @ level
    covariance = covariance / count
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = values[::-1], vectors[:, ::-1]
    shrunk = (1 - recipe["shrinkage"]) * values + recipe["shrinkage"] * values.mean()
    k = min(recipe["dimensions"], len(values) - 1)
    rest = shrunk[k:].mean()
    # Out-of-domain scans differ most where phantoms hardly vary, so the residual counts, scaled by its own small variance.
    directions = vectors[:, :k] * np.sqrt(np.maximum(0, 1 / rest - 1 / shrunk[:k]))
    domain = DomainCheck(len(mean), k)
    domain.mean.copy_(torch.from_numpy(mean))
    domain.scale.copy_(torch.from_numpy(1 / deviation))
    domain.directions.copy_(torch.from_numpy(directions))
    domain.rest.fill_(float(rest))
    ridge = covariance + 0.05 * np.eye(len(covariance))
    weights = np.linalg.solve(ridge, with_level / count) / deviation
    domain.level.copy_(torch.from_numpy(weights))
    return domain.eval()
