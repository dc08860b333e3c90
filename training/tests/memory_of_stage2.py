"""Prints the peak memory of stage 2 and of the domain check after 20 scans and after 200, and the size of their features, all in bytes."""
import argparse
import json
import resource
import tempfile
from pathlib import Path

import numpy as np
import torch

from odontoid_training import stage2
from odontoid_training.features import Features
from odontoid_training.profile import load_profile

SLICES, LENGTH = 100, 1024


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def learn(count, out):
    cases = [argparse.Namespace(id=str(i), label=i % 2 == 0, truth=np.full(SLICES, float(i % 2 == 0), np.float32), meta={}) for i in range(count)]
    profile = load_profile("compact")
    profile = {**profile, "stage2": {**profile["stage2"], "epochs": 1, "batch": 8, "respace": False}, "classifier": {**profile["classifier"], "units": 4}, "domain": {**profile["domain"], "dimensions": 8}}
    stage2.train_classifier(profile, Features(out), {"train": cases, "validation": cases[:2]}, out, 1, "cpu", report=lambda text: None)
    stage2.fit_domain(profile, Features(out), cases)
    return peak()


torch.set_num_threads(1)
stage2.SCANS_IN_MEMORY = 16
with tempfile.TemporaryDirectory() as folder:
    out, random = Path(folder), np.random.default_rng(0)
    for i in range(200):
        np.savez(out / f"{i}.npz", features=random.standard_normal((SLICES, LENGTH), np.float32), probabilities=np.zeros(SLICES, np.float32))
    print(json.dumps([learn(20, out), learn(200, out), sum(path.stat().st_size for path in out.glob("*.npz"))]))
