"""Run: PYTHONPATH=training python3 -m unittest discover -s training/tests"""
import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx
import torch

from odontoid_training.batches import SliceSampler
from odontoid_training.evaluate import auc, auc_interval, proportion_interval, threshold_at_specificity
from odontoid_training.export import export_classifier, export_encoder, golden_case
from odontoid_training.model import CalibratedCase, CaseClassifier, DomainCheck, LevelReader, SliceEncoder
from odontoid_training.profile import load_profile
from odontoid_training.cohort import Shrunk
from odontoid_training.crossval import make_folds
from odontoid_training.stage2 import case_loss, draw_sequence, like_lengths, fit_domain, pad, platt
from odontoid_training.start import base_width, unfold, widen


def warmed_encoder(pooling):
    """A small encoder with batch statistics and head of some size: fresh ones make features of zero variance."""
    torch.manual_seed(3)
    encoder = SliceEncoder(4, pooling)
    with torch.no_grad():
        for _ in range(10):
            encoder.maps(torch.rand(2, 3, 64, 64))
        encoder.head.weight.normal_(0, 0.3)
    return encoder.eval()


class GradCam(unittest.TestCase):
    def test_the_graph_output_is_grad_cam(self):
        """Selvaraju et al. 2017: relu(sum_k alpha_k A_k), alpha_k the mean over the cells of d logit / d A_k."""
        for pooling in ("mean", "lse"):
            encoder = warmed_encoder(pooling)
            image = torch.rand(2, 3, 96, 96)
            last = encoder.maps(image)[1].detach().requires_grad_()
            encoder.image_logit(encoder.cell_logits(last)).sum().backward()
            by_autograd = torch.relu((last.grad.mean((2, 3), keepdim=True) * last).sum(1))
            cam = encoder.encode(image)[2]
            self.assertGreater(float(by_autograd.detach().max()), 0)
            difference = float((cam - by_autograd).detach().abs().max() / by_autograd.detach().max())
            self.assertLessEqual(difference, 1e-5, pooling)


class Heads(unittest.TestCase):
    def test_full_width_has_2048_features(self):
        self.assertEqual(SliceEncoder(64, "mean").feature_length, 2048)

    def test_mean_pooling_splits_the_case_logit_over_the_slices(self):
        classifier = CaseClassifier(16, 8, "mean").eval()
        logits = classifier.slice_logits(torch.randn(1, 9, 16))
        self.assertAlmostEqual(float(classifier.case_logit(logits)[0]), float(logits.mean()), places=6)

    def test_padding_changes_no_case(self):
        for pooling in ("mean", "lse", "attention"):
            classifier = CaseClassifier(16, 8, pooling).eval()
            logits = torch.randn(1, 9)
            padded = torch.cat([logits, torch.full((1, 5), 7.0)], 1)
            mask = torch.arange(14)[None] < 9
            self.assertAlmostEqual(float(classifier.case_logit(logits)), float(classifier.case_logit(padded, mask)), places=4)

    def test_lse_pooling_does_not_depend_on_the_spacing(self):
        classifier = CaseClassifier(16, 8, "lse").eval()
        logits = torch.randn(1, 30)
        self.assertAlmostEqual(float(classifier.case_logit(logits)), float(classifier.case_logit(logits.repeat_interleave(5, 1))), places=4)

    def test_attention_weighs_the_slices_by_their_own_logits(self):
        classifier = CaseClassifier(16, 8, "attention", sharpness=2.0).eval()
        logits = torch.tensor([[0.0, 1.0, 3.0]])
        weights = np.exp([0.0, 2.0, 6.0]) / np.exp([0.0, 2.0, 6.0]).sum()
        self.assertAlmostEqual(float(classifier.case_logit(logits)), float((weights * [0.0, 1.0, 3.0]).sum()), places=5)

    def test_columns_hide_the_other_features(self):
        classifier = CaseClassifier(16, 8, "mean", columns=4).eval()
        features = torch.randn(1, 9, 16)
        changed = features.clone()
        changed[:, :, 4:] = 7
        self.assertTrue(torch.equal(classifier.slice_logits(features), classifier.slice_logits(changed)))

    def test_focal_loss_counts_what_is_right_less(self):
        logit, label, weight = torch.tensor([2.0]), torch.tensor([1.0]), torch.tensor([1.0])
        plain = float(case_loss(logit, label, weight, 0))
        self.assertAlmostEqual(plain, float(np.log1p(np.exp(-2.0))), places=5)
        self.assertAlmostEqual(float(case_loss(logit, label, weight, 2)), plain * (1 - 1 / (1 + np.exp(-2.0))) ** 2, places=5)


class Batches(unittest.TestCase):
    def test_like_lengths_loses_no_sequence(self):
        random = np.random.default_rng(4)
        sequences = [(np.zeros((n, 2)), np.full(n, i)) for i, n in enumerate(random.integers(3, 90, 25))]
        batches = like_lengths(sequences, 4, random)
        self.assertEqual(sorted(int(labels[0]) for batch in batches for _, labels in batch), list(range(25)))
        spreads = [max(len(l) for _, l in batch) - min(len(l) for _, l in batch) for batch in batches]
        self.assertLess(np.mean(spreads), 20)


class SmallerImages(unittest.TestCase):
    def test_blocks_become_their_mean_and_masks_their_maximum(self):
        image = np.arange(2 * 3 * 4 * 4, dtype=np.uint8).reshape(2, 3, 4, 4)
        small = Shrunk(image, 2, np.mean)
        self.assertEqual(small.shape, (2, 3, 2, 2))
        self.assertEqual(small[1][2, 0, 0], int(image[1, 2, :2, :2].mean()))
        self.assertEqual(Shrunk(image, 2, np.max)[0:2][0, 0, 1, 1], image[0, 0, 2:, 2:].max())


class Folds(unittest.TestCase):
    def test_every_tested_scan_is_in_one_fold_and_the_shares_are_kept(self):
        class Case:
            def __init__(self, i):
                self.id, self.label = i, i < 50

        cases = [Case(i) for i in range(190)]
        folds = make_folds(cases, {"folds": 7, "testedPositiveFraction": 0.2}, 1)
        tested = [c.id for fold in folds["tested"] for c in fold]
        self.assertEqual(len(tested), len(set(tested)))
        self.assertEqual(len(tested), 175)
        self.assertEqual({c.id for c in folds["surplus"]} | set(tested), set(range(190)))
        for fold in folds["tested"]:
            self.assertEqual((sum(c.label for c in fold), len(fold)), (5, 25))


class Graphs(unittest.TestCase):
    def test_export_leaves_the_network_as_it_was(self):
        encoder = warmed_encoder("lse")
        case = CalibratedCase(CaseClassifier(encoder.feature_length, 8, "lse"), DomainCheck(encoder.feature_length, 4), LevelReader(encoder.feature_length)).eval()
        before = golden_case(encoder, case, 64)
        with tempfile.TemporaryDirectory() as folder:
            export_encoder(encoder, 64, Path(folder) / "encoder.onnx")
            export_classifier(case, encoder.feature_length, Path(folder) / "case.onnx")
            outputs = [o.name for name in ("encoder", "case") for o in onnx.load(str(Path(folder) / f"{name}.onnx")).graph.output]
        self.assertEqual(outputs, ["feature", "image_probability", "cam", "case_probability", "slice_score", "domain_distance", "slice_level"])
        encoder.maps(torch.rand(2, 3, 64, 64))
        self.assertEqual(golden_case(encoder, case, 64), before)


class Start(unittest.TestCase):
    def test_an_exported_encoder_is_unfolded_to_what_it_was(self):
        encoder = warmed_encoder("lse")
        image = torch.rand(4, 3, 64, 64)
        again = SliceEncoder(4, "lse").eval()
        with tempfile.TemporaryDirectory() as folder:
            export_encoder(encoder, 64, Path(folder) / "encoder.onnx")
            unfold(again, onnx.load(str(Path(folder) / "encoder.onnx")).graph, image)
        with torch.no_grad():
            for one, two in zip(encoder.encode(image), again.encode(image)):
                self.assertLess(float((one - two).abs().max()), 1e-4 * float(one.abs().max()))
            # Training sees batch statistics: on the images that they were taken from it makes no jump.
            self.assertLess(float((again.train().maps(image)[1] - encoder.maps(image)[1]).abs().max()), 1e-3 * float(encoder.maps(image)[1].abs().max()))


    def test_a_widened_encoder_is_the_same_function_and_its_copies_can_part(self):
        narrow = warmed_encoder("lse")
        wide = SliceEncoder(12, "lse").eval()
        wide.load_state_dict(widen(narrow.state_dict(), wide.state_dict()))
        image = torch.rand(2, 3, 96, 96)
        with torch.no_grad():
            feature, probability, cam = narrow.encode(image)
            wide_feature, wide_probability, wide_cam = wide.encode(image)
        self.assertLess(float((probability - wide_probability).abs().max()), 1e-5)
        self.assertLess(float((cam - wide_cam).abs().max()), 1e-4 * float(cam.abs().max()))
        # Each part of the feature is there three times over; the logit, the last, once.
        first = narrow.channels
        self.assertLess(float((wide_feature[:, :3 * first] - feature[:, :first].repeat(1, 3)).abs().max()), 1e-4 * float(feature.abs().max()))
        weight = wide.stages[3][0].residual[0].weight
        part = weight.shape[1] // 3
        self.assertGreater(float((weight[:, :part] - weight[:, part:2 * part]).abs().max()), 0)

    def test_a_width_that_is_no_multiple_is_refused(self):
        with self.assertRaisesRegex(SystemExit, "cannot be widened"):
            widen(SliceEncoder(4, "lse").state_dict(), SliceEncoder(6, "lse").state_dict())

    def test_the_width_is_read_from_the_graph(self):
        with tempfile.TemporaryDirectory() as folder:
            export_encoder(warmed_encoder("mean"), 64, Path(folder) / "encoder.onnx")
            self.assertEqual(base_width(onnx.load(str(Path(folder) / "encoder.onnx")).graph), 4)


class Domain(unittest.TestCase):
    def test_refuses_other_features_and_other_orders(self):
        random = np.random.default_rng(0)

        def scan(n=40):
            level = np.linspace(0, 1, n)[:, None]
            return (level * np.linspace(1, 2, 12) + random.normal(0, 0.1, (n, 12))).astype(np.float32)

        class Case:
            def __init__(self, id):
                self.id = id

        cases = [Case(i) for i in range(20)]
        encoded = {c.id: (scan(), None) for c in cases}
        domain = fit_domain({"domain": {"dimensions": 3, "shrinkage": 0.01}}, encoded, cases)
        domain.least_order.fill_(0.8)
        own = torch.from_numpy(scan())
        self.assertLess(float(domain(own).median()), 1.6)
        self.assertGreater(float(domain(own).median()), 0.4)
        self.assertGreater(float(domain(own.flip(0)).median()), 10)
        self.assertGreater(float(domain(own[torch.randperm(40)]).median()), 5)
        self.assertGreater(float(domain(own + torch.randn(40, 12)).median()), 4)
        self.assertGreater(float(domain(own[:1].repeat(40, 1)).median()), 5)


class Figures(unittest.TestCase):
    def test_auc_is_the_chance_of_the_right_order(self):
        random = np.random.default_rng(1)
        scores = random.integers(0, 6, 60).astype(float)
        labels = random.random(60) < 0.4
        pairs = [(p > n) + 0.5 * (p == n) for p in scores[labels] for n in scores[~labels]]
        self.assertAlmostEqual(auc(scores, labels), np.mean(pairs), places=12)
        value, low, high = auc_interval(scores, labels)
        self.assertTrue(low < value < high)

    def test_threshold_keeps_the_specificity(self):
        random = np.random.default_rng(2)
        scores, labels = random.random(200), random.random(200) < 0.5
        threshold = threshold_at_specificity(scores, labels, 0.9)
        self.assertGreaterEqual(np.mean(scores[~labels] < threshold), 0.9)
        self.assertLess(np.mean(scores[~labels] < threshold), 0.92)

    def test_wilson(self):
        value, low, high = proportion_interval(9, 10)
        self.assertAlmostEqual(low, 0.5958, places=3)
        self.assertAlmostEqual(high, 0.9821, places=3)

    def test_platt_recovers_a_scale(self):
        random = np.random.default_rng(3)
        x = random.normal(0, 2, 4000)
        labels = random.random(4000) < 1 / (1 + np.exp(-(0.5 * x - 1)))
        slope, intercept = platt(x.astype(np.float32), labels)
        self.assertAlmostEqual(slope, 0.5, delta=0.06)
        self.assertAlmostEqual(intercept, -1, delta=0.12)


class Sampling(unittest.TestCase):
    def test_cells_lie_where_the_break_is(self):
        size = 128
        mask = np.zeros((32, 32), np.uint8)
        mask[9:11, 25:27] = 1  # rows 36 to 44, columns 100 to 108

        class Case:
            images = np.full((1, 3, size, size), 200, np.uint8)
            labels = known = np.array([True])

            def mask(self, i):
                return mask

        recipe = {**load_profile("compact")["stage1"], "batch": 1}
        sampler = SliceSampler([Case()], recipe, size, 0)
        _, label, cells = sampler.make([(Case(), 0)], None, augment=False)
        target, weight = cells[32]
        self.assertEqual(float(label[0]), 1)
        self.assertEqual(target[0].nonzero().tolist(), [[1, 3]])
        self.assertEqual(float(weight[0, 1, 3]), recipe["cellPositiveWeight"])
        self.assertEqual(float(weight[0, 3, 0]), 1)
        self.assertEqual(sorted(set(map(tuple, cells[8][0][0].nonzero().tolist()))), [(4, 12), (4, 13), (5, 12), (5, 13)])
        image, label, cells = sampler.make([(Case(), 0)] * 20, 64)
        target = cells[32][0]
        self.assertEqual(tuple(image.shape), (20, 3, 64, 64))
        self.assertGreater(float(label.mean()), 0.7)
        self.assertTrue(bool(((target.flatten(1).amax(1) > 0) == (label > 0)).all()))

    def test_respacing_keeps_features_and_labels_together(self):
        random = np.random.default_rng(4)
        features = np.arange(50, dtype=np.float32)[:, None].repeat(3, 1)
        labels = np.arange(50) >= 25
        for _ in range(50):
            f, l = draw_sequence(features, labels, {"respace": True}, random)
            self.assertEqual(len(f), len(l))
            self.assertTrue(np.all((f[:, 0] >= 25.0) <= l))
            self.assertTrue(np.all((f[:, 0] < 24.4) <= ~l))
        feature, label, mask = pad([(features, labels), (features[:7], labels[:7])])
        self.assertEqual(mask.sum(1).tolist(), [50, 7])


if __name__ == "__main__":
    unittest.main()
