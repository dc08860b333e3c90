"""How the data of large datasets lie on the disk and in memory."""
import argparse
import contextlib
import io
import json
import socket
import subprocess
import sys
import tempfile
import unittest
import zlib
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from odontoid_training import run
from odontoid_training.batches import SliceSampler
from odontoid_training.cohort import Shard
from odontoid_training.profile import load_profile
from odontoid_training.stage1 import Step
from odontoid_training.stage2 import drawn_batches
from two_processes import SIZE, Scan


class Shards(unittest.TestCase):
    def test_slices_are_read_one_by_one_as_they_were(self):
        # The first is what test/unit/training/shard.test.ts sees written.
        slices = [bytes([1, 2, 3, 3, 255, 255, 5, 5, 5, 0, 1, 255]), bytes(range(12))]
        deflated = [zlib.compress(one) for one in slices]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "case.shard"
            path.write_bytes(b"".join(deflated))
            shard = Shard(path, [2, 2, 2, 3], np.cumsum([len(one) for one in deflated]).tolist())
            self.assertEqual(len(shard), 2)
            self.assertEqual(shard[0].tolist(), [[[1, 2, 3], [4, 1, 2]], [[5, 5, 5], [5, 6, 4]]])
            self.assertEqual(shard[np.int64(1)][1].tolist(), [[6, 7, 8], [15, 17, 19]])
            self.assertEqual(shard[0:5].shape, (2, 2, 2, 3))
            self.assertEqual(shard[2:5].shape, (0, 2, 2, 3))
            with self.assertRaises(IndexError):
                shard[2]


class Streams(unittest.TestCase):
    def test_each_scan_comes_once_an_epoch_and_few_are_in_memory(self):
        drawn = []

        def draw(case):
            drawn.append(case)
            return np.zeros((case + 1, 2)), np.full(case + 1, case)

        with mock.patch("odontoid_training.stage2.SCANS_IN_MEMORY", 6):
            batches = drawn_batches(draw, list(range(20)), 4, np.random.default_rng(1))
            first = next(batches)
            self.assertEqual(len(drawn), 6)
            seen = [int(labels[0]) for batch in [first, *batches] for _, labels in batch]
        self.assertEqual(sorted(seen), list(range(20)))

    def test_memory_does_not_grow_with_the_dataset(self):
        """Stage 2 and the domain check on 20 scans and then on 200: 74 MB of features more."""
        ran = subprocess.run([sys.executable, str(Path(__file__).with_name("memory_of_stage2.py"))], capture_output=True, text=True, check=False)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        small, large, written = json.loads(ran.stdout)
        self.assertGreater(written, 80e6)
        self.assertLess(large - small, 20e6)


class SeveralProcesses(unittest.TestCase):
    def test_two_processes_learn_what_one_learns_from_the_same_batches(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        ran = subprocess.run([sys.executable, str(Path(__file__).with_name("two_processes.py")), str(port)], capture_output=True, text=True, check=False)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        weights = json.loads(ran.stdout)
        self.assertGreater(weights["largest"], 1)
        self.assertLess(weights["differ"], 2e-4)

    def test_a_batch_in_parts_gives_the_gradient_of_the_batch(self):
        class Encoder(torch.nn.Linear):
            def forward(self, image):
                return super().forward(image)[:, 0], None, None

        kind = argparse.Namespace(deep_supervision=lambda encoder: torch.nn.Module(), to_device=lambda image, device: image)
        recipe = {**load_profile("compact")["stage1"], "cellWeight": 0, "deepWeight": 0, "weightDecay": 0}
        random = np.random.default_rng(2)
        image, label = torch.from_numpy(random.normal(0, 1, (7, 5)).astype(np.float32)), torch.tensor([1.0, 0, 0, 1, 1, 0, 0])
        results = []
        for parts in (1, 3):
            torch.manual_seed(0)
            encoder = Encoder(5, 1)
            loss, logit = Step({"stage1": {**recipe, "accumulate": parts}}, kind, encoder, "cpu")(image, label, {}, 1e-2)
            results.append((loss, logit.tolist(), encoder.weight.grad.tolist()))
        for one, other in zip(*results):
            np.testing.assert_allclose(one, other, atol=1e-6)


class Loaders(unittest.TestCase):
    def test_processes_of_their_own_make_the_same_batches_in_the_same_order(self):
        recipe = {**load_profile("compact")["stage1"], "batch": 4}
        made = []
        for loaders in (0, 2):
            sampler = SliceSampler([Scan(k) for k in range(4)], recipe, SIZE, 5)
            sampler.loaders = loaders
            made.append(list(sampler.batches(16, 32)))
        self.assertEqual([len(batches) for batches in made], [4, 4])
        for (_, (image, label, _)), (_, (other, other_label, _)) in zip(*made):
            self.assertTrue(torch.equal(image, other) and torch.equal(label, other_label))
        self.assertFalse(torch.equal(made[0][0][1][0], made[0][1][1][0]))


class Arguments(unittest.TestCase):
    def test_a_dataset_wants_a_licence(self):
        words = ["--profile", "paper", "--out", "x", "--dataset", "y", "--split", "z", "--statement", "w"]
        said = io.StringIO()
        with mock.patch("sys.argv", ["train", *words]), contextlib.redirect_stderr(said), self.assertRaises(SystemExit):
            run.main()
        self.assertIn("--licence", said.getvalue().splitlines()[-1])


if __name__ == "__main__":
    unittest.main()
