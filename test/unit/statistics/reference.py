"""Scikit-learn's answers for the metric tests: JSON in on standard input, JSON out."""
import json
import sys

import numpy as np
from sklearn import metrics
from sklearn.calibration import calibration_curve

answers = []
for job in json.load(sys.stdin):
    scores, labels, threshold = np.array(job["scores"]), np.array(job["labels"], bool), job["threshold"]
    weights = np.array(job["weights"], float)
    decided = scores >= threshold
    tn, fp, fn, tp = metrics.confusion_matrix(labels, decided, labels=[False, True]).ravel()
    fpr, tpr, thresholds = metrics.roc_curve(labels, scores, drop_intermediate=False)
    precision, recall, _ = metrics.precision_recall_curve(labels, scores)
    share, mean = calibration_curve(labels, scores, n_bins=10)
    # The expected calibration error, from its definition and NumPy's histogram of the same bins.
    bins = np.searchsorted(np.linspace(0, 1, 11)[1:-1], scores)
    ece = sum(np.sum(bins == b) / len(scores) * abs(scores[bins == b].mean() - labels[bins == b].mean()) for b in np.unique(bins))
    wins = (scores[labels][:, None] > scores[~labels][None, :]) + 0.5 * (scores[labels][:, None] == scores[~labels][None, :])
    answers.append({
        "confusion": [int(tp), int(fp), int(tn), int(fn)],
        "tpr": metrics.recall_score(labels, decided),
        "tnr": metrics.recall_score(labels, decided, pos_label=False),
        "ppv": metrics.precision_score(labels, decided, zero_division=0),
        "npv": metrics.precision_score(labels, decided, pos_label=False, zero_division=0),
        "f1": metrics.f1_score(labels, decided, zero_division=0),
        "accuracy": metrics.accuracy_score(labels, decided),
        "mcc": metrics.matthews_corrcoef(labels, decided),
        "balancedAccuracy": metrics.balanced_accuracy_score(labels, decided),
        "auc": metrics.roc_auc_score(labels, scores),
        "weightedAuc": metrics.roc_auc_score(labels, scores, sample_weight=weights),
        "averagePrecision": metrics.average_precision_score(labels, scores),
        "weightedAveragePrecision": metrics.average_precision_score(labels, scores, sample_weight=weights),
        "brier": metrics.brier_score_loss(labels, scores),
        "roc": {"fpr": fpr[1:].tolist(), "tpr": tpr[1:].tolist(), "thresholds": thresholds[1:].tolist()},
        "pr": {"precision": precision[:-1][::-1].tolist(), "recall": recall[:-1][::-1].tolist()},
        "calibration": {"share": share.tolist(), "mean": mean.tolist(), "ece": ece},
        "delongVariance": wins.mean(1).var(ddof=1) / len(wins) + wins.mean(0).var(ddof=1) / wins.shape[1],
    })
json.dump(answers, sys.stdout)
