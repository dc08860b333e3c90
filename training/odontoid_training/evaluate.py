"""Figures of merit with confidence intervals."""
import math

import numpy as np

# Half of a two-sided 95 % interval, in standard deviations of a normal distribution.
Z = 1.959963984540054


def auc(scores, labels):
    """Area under the ROC curve: the chance that a positive scores above a negative, ties half."""
    positive, negative = scores[labels], scores[~labels]
    if len(positive) == 0 or len(negative) == 0:
        return float("nan")
    order = np.argsort(np.concatenate([positive, negative]), kind="stable")
    values = np.concatenate([positive, negative])[order]
    ranks = np.empty(len(values))
    _, first, counts = np.unique(values, return_index=True, return_counts=True)
    ranks[order] = np.repeat(first + (counts + 1) / 2, counts)
    return (ranks[:len(positive)].sum() - len(positive) * (len(positive) + 1) / 2) / (len(positive) * len(negative))


def auc_interval(scores, labels):
    """AUC with DeLong's 95 % interval, on the logit scale so that it stays in 0..1; as `src/statistics/intervals.ts` computes it."""
    positive, negative = scores[labels], scores[~labels]
    value = auc(scores, labels)
    if len(positive) < 2 or len(negative) < 2:
        return value, float("nan"), float("nan")
    wins = (positive[:, None] > negative[None, :]) + 0.5 * (positive[:, None] == negative[None, :])
    variance = wins.mean(1).var(ddof=1) / len(positive) + wins.mean(0).var(ddof=1) / len(negative)
    if value in (0.0, 1.0):
        # Perfect order, no variance: Wilson's bound for the smaller class.
        smaller = min(len(positive), len(negative))
        return proportion_interval(value * smaller, smaller)
    if variance == 0:
        # Equal scores carry no information.
        return value, 0.0, 1.0
    logit, spread = math.log(value / (1 - value)), math.sqrt(variance) / (value * (1 - value))
    return value, 1 / (1 + math.exp(-logit + Z * spread)), 1 / (1 + math.exp(-logit - Z * spread))


def clustered_auc_interval(scores, labels, cluster, draws=1000, seed=1):
    """AUC of images with a 95 % percentile interval by bootstrap over the cases that they belong to: slices of one scan are not independent.
    cluster: index of each image's case."""
    value = auc(scores, labels)
    if math.isnan(value):
        return value, float("nan"), float("nan")
    levels, level = np.unique(scores, return_inverse=True)
    cases, cluster = np.unique(cluster, return_inverse=True)
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(draws):
        times = np.bincount(random.integers(len(cases), size=len(cases)), minlength=len(cases))[cluster].astype(float)
        positive = np.bincount(level, weights=times * labels, minlength=len(levels))
        negative = np.bincount(level, weights=times * ~labels, minlength=len(levels))
        if positive.sum() and negative.sum():
            below = np.cumsum(negative) - negative / 2
            drawn.append((positive * below).sum() / (positive.sum() * negative.sum()))
    return value, float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))


def proportion_interval(hits, n):
    """A proportion with Wilson's 95 % interval."""
    if n == 0:
        return float("nan"), float("nan"), float("nan")
    p, z = hits / n, Z
    centre, half = (p + z * z / (2 * n)) / (1 + z * z / n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return p, max(0.0, centre - half), min(1.0, centre + half)


def clustered_proportion_interval(hits, cluster):
    """A proportion with Wilson's 95 % interval for as many independent trials as these are worth (Rao and Scott 1992): slices of one scan, and scans of one
    patient, resemble each other. hits: bool; cluster: whose each one is."""
    hits = np.asarray(hits, float)
    n, p = len(hits), float(np.mean(hits)) if len(hits) else float("nan")
    names, index = np.unique(np.asarray(cluster), return_inverse=True)
    clusters = len(names)
    if n == clusters or clusters < 2:
        return proportion_interval(hits.sum(), n)
    alone = n / (n - 1) * ((hits - p) ** 2).sum()
    together = clusters / (clusters - 1) * (np.bincount(index, weights=hits - p) ** 2).sum()
    # Where all are alike the design effect is not defined: then each cluster is worth one trial.
    worth = clusters if alone == 0 else n / max(1.0, together / alone)
    return proportion_interval(p * worth, worth)


def threshold_at_specificity(scores, labels, specificity):
    """The lowest threshold (score >= threshold is positive) that keeps `specificity` on the negatives."""
    negative = np.sort(scores[~labels])
    allowed = int(math.floor((1 - specificity) * len(negative)))
    return float(np.nextafter(negative[len(negative) - allowed - 1], np.inf))
