"""Prints how far the weights of an encoder differ that learned in two processes from one that learned in one, with the same whole batch, and how large the largest is."""
import json
import multiprocessing
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from odontoid_training import together
from odontoid_training.profile import load_profile
from odontoid_training.stage1 import train_encoder

SIZE = 64


class Scan:
    """Eight slices of noise; of every second scan the first four have a bright break."""

    def __init__(self, number):
        random = np.random.default_rng(number)
        self.id, self.label = str(number), number % 2 == 0
        self.images = random.integers(0, 200, (8, 3, SIZE, SIZE)).astype(np.uint8)
        self.labels, self.known = np.arange(8) < 4 * self.label, np.ones(8, bool)
        self.images[self.labels, :, 20:28, 36:44] = 255

    def mask(self, i):
        if not self.labels[i]:
            return None
        mask = np.zeros((SIZE // 4, SIZE // 4), np.uint8)
        mask[5:7, 9:11] = 1
        return mask


def learn(out, rank, processes):
    torch.set_num_threads(1)
    if processes > 1:
        os.environ.update(RANK=str(rank), WORLD_SIZE=str(processes), LOCAL_RANK=str(rank))
        together.join("cpu")
    profile = load_profile("compact")
    stage1 = {**profile["stage1"], "epochs": 2, "batch": 8, "imagesPerEpoch": 24, "patch": 32, "fieldEpochs": 1, "fieldImagesPerEpoch": 16, "validationImages": 16}
    # What is dropped out differs between processes.
    profile = {**profile, "input": {**profile["input"], "sizePixels": SIZE}, "encoder": {**profile["encoder"], "baseWidth": 4, "dropout": 0}, "stage1": stage1}
    cases = [Scan(k) for k in range(6)]
    encoder = train_encoder(profile, {"train": cases[:4], "validation": cases[4:]}, out, 3, "cpu", report=lambda text: None)
    if together.is_first():
        torch.save(encoder.state_dict(), out / "encoder.pt")


def in_processes(folder, processes):
    """Each in a process of its own: one that has computed gradients cannot be forked."""
    out = Path(folder) / str(processes)
    out.mkdir()
    started = [multiprocessing.Process(target=learn, args=(out, rank, processes)) for rank in range(processes)]
    for process in started:
        process.start()
    for process in started:
        process.join()
        if process.exitcode:
            sys.exit("a process of the training failed")
    return torch.load(out / "encoder.pt")


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        one, two = in_processes(folder, 1), in_processes(folder, 2)
    weights = [name for name in one if one[name].is_floating_point()]
    print(json.dumps({"differ": max(float((one[name] - two[name]).abs().max()) for name in weights), "largest": max(float(one[name].abs().max()) for name in weights)}))
