"""Run: PYTHONPATH=training python3 -m unittest discover -s training/tests"""
import argparse
import json
import os
import tempfile
import unittest
from xml.etree import ElementTree
from pathlib import Path

import numpy as np
import onnx
import torch

from odontoid_training.batches import SliceSampler
from odontoid_training.evaluate import auc, auc_interval, clustered_auc_interval, clustered_proportion_interval, proportion_interval, threshold_at_specificity
from odontoid_training.export import export_classifier, export_encoder, export_volume, golden_case, golden_volume
from odontoid_training.model import CalibratedCase, CaseClassifier, DomainCheck, LevelReader, SliceEncoder
from odontoid_training.profile import load_profile
from odontoid_training.curves import HEIGHT, LEFT, TOP, WIDTH, write_curves
from odontoid_training.cohort import Shrunk
from odontoid_training.crossval import divide, make_folds
from odontoid_training.plan import memory_of, steps_of
from odontoid_training.stage1 import is_out_of_patience
from odontoid_training.stage2 import case_loss, draw_sequence, like_lengths, fit_domain, pad, platt
from odontoid_training.versions import export_options, load_checkpoint, load_weights
from odontoid_training.run import texture_range
from odontoid_training.start import base_width, unfold, widen
from odontoid_training.volume import EARLY_STEP, LAST_STEP, DeepSupervision3d, RowPool, VolumeEncoder, VolumeGraph
from odontoid_training.volume_batches import BlockSampler, cut


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


    def test_no_patient_is_trained_on_and_tested_or_validated(self):
        class Case:
            def __init__(self, i):
                self.id, self.label, self.meta = i, i % 4 == 0, {"patient": f"P{i // 3}"}

        cases = [Case(i) for i in range(84)]
        folds = {"tested": [cases[k * 12:(k + 1) * 12] for k in range(7)], "surplus": []}
        train, validation = divide(folds, 2, {"validationFraction": 0.25}, 5)
        self.assertEqual({c.id for c in train + validation}, set(range(84)) - set(range(24, 36)))
        self.assertEqual({c.meta["patient"] for c in train} & {c.meta["patient"] for c in validation}, set())
        # 18 of the 24 other patients have a positive scan: a quarter of either kind, rounded.
        self.assertEqual(len({c.meta["patient"] for c in validation}), round(18 / 4) + round(6 / 4))


class Plans(unittest.TestCase):
    MEASURED = {"slicesOfImages": 300, "slices": 350, "known": 0.5, "tensorBytes": 450_000, "exportSeconds": 0.1, "weightBytes": 100e6, "featureLength": 2048,
                "patchSeconds": 0.0, "fieldSeconds": 0.01, "encodeSeconds": 0.004, "sequenceSeconds": 1e-6, "processBytes": 3e9, "localiser": None}

    def test_the_paper_on_two_thousand_scans(self):
        profile = load_profile("paper")
        steps = {name: (seconds, size) for name, seconds, size in steps_of(profile, argparse.Namespace(dataset="rsna"), {"train": 1400, "validation": 300, "test": 300}, self.MEASURED)}
        slices = 2000 * 350
        self.assertAlmostEqual(steps["cohort"][0] * len(os.sched_getaffinity(0)), slices * 0.1)
        self.assertAlmostEqual(steps["cohort"][1], slices * 450_000)
        # 50 epochs of the known half of 1,400 scans, and 600 images validated after each.
        self.assertAlmostEqual(steps["stage 1"][0], 50 * 1400 * 300 * 0.5 * 0.01 + 50 * 600 * 0.004)
        self.assertAlmostEqual(steps["features"][1], slices * 2049 * 4)
        self.assertAlmostEqual(steps["stage 2"][0], 100 * 1400 * 350 * 1e-6)
        # Of 256 scans at a time.
        self.assertAlmostEqual(memory_of({"train": 1400, "validation": 300, "test": 300}, self.MEASURED), 3e9 + 256 * 350 * 2048 * 4)

    def test_images_of_other_patients_are_no_whole_scans(self):
        profile = load_profile("compact")
        counts = {"images": 3600, "train": 200, "validation": 100, "negatives": 250, "test": 200}
        measured = {**self.MEASURED, "slicesOfImages": 8, "patchSeconds": 0.002}
        steps = {name: (seconds, size) for name, seconds, size in steps_of(profile, argparse.Namespace(dataset=None), counts, measured)}
        self.assertAlmostEqual(steps["cohort"][1], (3600 * 8 + 750 * 350) * 450_000)
        # 110 epochs of patches, 2 of fields; judged every twentieth epoch and after each of fields.
        self.assertAlmostEqual(steps["stage 1"][0], 110 * 2048 * 0.002 + 2 * 1536 * 0.01 + 7 * 600 * 0.004)
        self.assertAlmostEqual(steps["features"][0], 750 * 350 * 0.004)

    def test_a_localiser_learns_from_all_scans_and_looks_at_each(self):
        profile = load_profile("vertebra")
        counts = {"train": 240, "validation": 60, "negatives": 60, "test": 60}
        measured = {**self.MEASURED, "localiser": {"epochs": 8, "learnSeconds": 0.5, "lookSeconds": 0.1, "weightBytes": 1e5}}
        steps = {name: (seconds, size) for name, seconds, size in steps_of(profile, argparse.Namespace(dataset=None), counts, measured)}
        self.assertAlmostEqual(steps["localiser"][0], 8 * (240 * 0.5 + 60 * 0.1) + 420 * 0.1)
        self.assertAlmostEqual(steps["localiser"][1], 3e5)
        # Whole crops alone: each of the 40 epochs is judged.
        self.assertAlmostEqual(steps["stage 1"][0], 40 * 1024 * 0.01 + 40 * 600 * 0.004)


class Patience(unittest.TestCase):
    def test_a_run_that_stopped_early_stays_stopped(self):
        state = {"epoch": 14, "bestEpoch": 3}
        self.assertTrue(is_out_of_patience({"patience": 10}, state))
        self.assertFalse(is_out_of_patience({"patience": 11}, state))
        self.assertFalse(is_out_of_patience({"patience": None}, state))
        self.assertFalse(is_out_of_patience({"patience": 0}, {"epoch": 0, "bestEpoch": 0}))


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


class Curves(unittest.TestCase):
    def test_both_stages_are_drawn_and_what_was_not_measured_is_left_out(self):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder)
            (out / "stage1.csv").write_text("epoch,phase,loss,validationImageAuc\n1,patch,0.9,nan\n2,patch,0.5,nan\n3,field,0.4,0.8\n")
            (out / "stage2.csv").write_text("epoch,loss,validationLoss,validationCaseAuc\n1,0.7,0.6,0.5\n2,0.5,0.55,0.75\n")
            write_curves(out)
            drawn = ElementTree.parse(out / "curves.svg").getroot()
        lines = [line.get("points").split() for line in drawn.iter("{http://www.w3.org/2000/svg}polyline")]
        self.assertEqual([len(line) for line in lines], [3, 1, 2, 2, 2])
        # The least loss lies at the foot of its panel, the last epoch at its right end.
        self.assertEqual(lines[0][-1], f"{LEFT + WIDTH:.1f},{TOP + HEIGHT:.1f}")


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


def warmed_volume():
    """As warmed_encoder, in 3-D."""
    torch.manual_seed(4)
    encoder = VolumeEncoder(1, 4)
    with torch.no_grad():
        for _ in range(10):
            encoder.all_maps(torch.rand(2, 1, 16, 32, 32))
        encoder.head.weight.normal_(0, 0.3)
        encoder.image_bias.fill_(0.4)
    return encoder.eval()


class Volumes(unittest.TestCase):
    def test_the_graph_output_is_grad_cam_in_3d(self):
        encoder = warmed_volume()
        volume = torch.rand(1, 1, 24, 32, 32)
        last = encoder.all_maps(volume)[2].detach().requires_grad_()
        encoder.scan_logit(encoder.row_logits(encoder.head(last)[:, 0])).sum().backward()
        by_autograd = torch.relu((last.grad.mean((2, 3, 4), keepdim=True) * last).sum(1))[0]
        feature, rows, cam = encoder.encode(volume)
        self.assertEqual((tuple(cam.shape), tuple(feature.shape)), ((6, 4, 4), (6, encoder.feature_length)))
        self.assertGreater(float(by_autograd.detach().max()), 0)
        self.assertLessEqual(float((cam - by_autograd).detach().abs().max() / by_autograd.detach().max()), 1e-5)

    def test_the_features_of_the_rows_give_the_logit_of_the_scan(self):
        encoder = warmed_volume()
        volume = torch.rand(1, 1, 24, 32, 32)
        pool = RowPool(encoder)
        with torch.no_grad():
            feature, rows, _ = encoder.encode(volume)
            logits = pool.slice_logits(feature[None])
            self.assertAlmostEqual(float(pool.case_logit(logits)), float(encoder(volume)[0]), places=5)
        self.assertLess(float((torch.sigmoid(logits[0]) - rows).abs().max()), 1e-6)

    def test_a_scan_twice_as_long_of_the_same_has_the_same_logit(self):
        encoder = warmed_volume()
        rows = torch.randn(1, 7)
        self.assertAlmostEqual(float(encoder.scan_logit(rows)), float(encoder.scan_logit(rows.repeat(1, 2))), places=5)

    def test_heads_for_training_mark_cells_of_the_steps_that_the_targets_have(self):
        encoder = warmed_volume()
        maps = encoder(torch.rand(1, 1, 16, 32, 32))[2]
        for step, marks in zip(DeepSupervision3d.STEPS, DeepSupervision3d(encoder)(maps)):
            self.assertEqual(tuple(marks.shape), (1, 16 // step[0], 32 // step[1], 32 // step[1]))

    def test_exports_to_a_graph_for_scans_of_any_length(self):
        encoder = warmed_volume()
        case = CalibratedCase(RowPool(encoder), DomainCheck(encoder.feature_length, 4), LevelReader(encoder.feature_length)).eval()
        graph = VolumeGraph(encoder, case)
        spec = {"sizePixels": 32, "windowsHu": [None], "slicesPerRow": 4}
        golden = golden_volume(graph, spec)
        with tempfile.TemporaryDirectory() as folder:
            export_volume(graph, [1, 1, 16, 32, 32], Path(folder) / "volume.onnx")
            model = onnx.load(str(Path(folder) / "volume.onnx")).graph
        self.assertEqual([o.name for o in model.output], ["case_probability", "slice_score", "domain_distance", "slice_level", "cam"])
        self.assertEqual(model.input[0].type.tensor_type.shape.dim[2].dim_param, "slices")
        self.assertEqual(golden_volume(graph, spec), golden)
        self.assertEqual(len(golden["sliceScores"]), golden["slices"] // 4)

    class Scan:
        """24 planes of 64 x 64 with one break, at planes 12 to 15, rows 16 to 23, columns 40 to 47."""
        label = True

        def __init__(self):
            self.images = np.full((24, 1, 64, 64), 120, np.uint8)
            self.masks = np.zeros((24, 16, 16), np.uint8)
            self.masks[12:16, 4:6, 10:12] = 1

    RECIPE = {"batch": 4, "positiveShare": 0.5, "flip": True, "rotateDegrees": 10, "scaleJitter": 0.1, "intensityJitter": 0.08, "cellPositiveWeight": 3, "fieldVoxels": [24, 64, 64]}

    def test_cells_lie_where_the_break_is(self):
        sampler = BlockSampler([self.Scan()], self.RECIPE, 0)
        sampler.start = lambda *_: [0, 0, 0]
        image, label, cells = sampler.make([(sampler.cases[0], -1)], [24, 64, 64], augment=False)
        self.assertEqual((tuple(image.shape), float(label[0])), ((1, 1, 24, 64, 64), 1.0))
        target, weight = cells[LAST_STEP]
        # The window has 32 planes, of which the block is the middle: the break lies in its planes 8 to 11.
        self.assertEqual(target[0].nonzero().tolist(), [[2, 2, 5]])
        self.assertEqual(float(weight[0][target[0] > 0].min()), 3)
        self.assertEqual(tuple(cells[EARLY_STEP][0].shape), (1, 12, 16, 16))

    def test_half_of_a_batch_has_the_break_and_labels_say_what_the_block_holds(self):
        whole = self.Scan()
        whole.label, whole.masks = False, np.zeros_like(whole.masks)
        sampler = BlockSampler([self.Scan(), whole], self.RECIPE, 1)
        labels = []
        for chosen, (image, label, cells) in sampler.batches(80, [8, 16, 16]):
            self.assertEqual(tuple(image.shape), (4, 1, 8, 16, 16))
            self.assertTrue(bool(((cells[LAST_STEP][0].flatten(1).amax(1) > 0) == (label > 0)).all()))
            labels.extend(label.tolist())
        self.assertGreater(np.mean(labels), 0.3)
        self.assertLess(np.mean(labels), 0.75)

    def test_what_lies_beyond_the_scan_is_air(self):
        block = cut(np.full((3, 1, 4, 4), 9, np.uint8), [-1, 2, -2], [3, 4, 8])
        self.assertEqual(block.shape, (3, 1, 4, 8))
        self.assertEqual(int(block.sum()), 9 * 2 * 2 * 4)
        self.assertEqual(int(block[0].sum()), 0)


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

    def test_the_range_of_texture_holds_every_half_scan_and_the_factor_beyond(self):
        def case(*halves):
            return argparse.Namespace(meta={"texture": [{"changeInPlane": plane, "changeAlong": along} for plane, along in halves]} if halves else {})

        profile = {"domain": {"limitFactor": 1.21}}
        cases = [case((0.5, 1.0), (0.45, None)), case((0.6, 0.9), (None, 1.1)), case()]
        self.assertEqual(texture_range(profile, cases), {"texture": {"changeInPlane": {"low": 0.409, "high": 0.66}, "changeAlong": {"low": 0.744, "high": 1.331}}})
        # An earlier version's scans were not measured, and some show too little.
        self.assertEqual(texture_range(profile, [case()]), {})
        self.assertEqual(texture_range(profile, [case((0.5, None))]), {})


class Versions(unittest.TestCase):
    def test_own_checkpoints_are_read_with_their_arrays_and_foreign_weights_run_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "stage1.pt"
            torch.save({"suspicion": np.arange(3.0), "state": {"best": np.float64(0.5)}}, path)
            np.testing.assert_array_equal(load_checkpoint(path, "cpu")["suspicion"], np.arange(3.0))
            torch.save({"weight": torch.ones(2)}, path)
            self.assertEqual(load_weights(path)["weight"].tolist(), [1.0, 1.0])
            torch.save({"weight": Path("/")}, path)
            with self.assertRaises(Exception):
                load_weights(path)

    def test_the_exporter_is_the_one_that_knows_our_graphs(self):
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "graph.onnx")
            torch.onnx.export(torch.nn.LSTM(3, 2), torch.rand(4, 1, 3), path, input_names=["x"], dynamic_axes={"x": {0: "n"}}, opset_version=13, **export_options())
            self.assertIn("LSTM", [node.op_type for node in onnx.load(path).graph.node])


class Figures(unittest.TestCase):
    def test_auc_is_the_chance_of_the_right_order(self):
        random = np.random.default_rng(1)
        scores = random.integers(0, 6, 60).astype(float)
        labels = random.random(60) < 0.4
        pairs = [(p > n) + 0.5 * (p == n) for p in scores[labels] for n in scores[~labels]]
        self.assertAlmostEqual(auc(scores, labels), np.mean(pairs), places=12)
        value, low, high = auc_interval(scores, labels)
        self.assertTrue(low < value < high)

    def test_images_of_one_scan_are_not_independent(self):
        random = np.random.default_rng(5)
        case = np.repeat(np.arange(20), 30)
        labels = case % 2 == 0
        # All that differs between images of one label is the scan: 600 images know no more than 20 scans.
        of_scan = random.normal(0, 1, 20)
        scores = labels * 1.0 + of_scan[case] + random.normal(0, 0.01, 600)
        value, low, high = clustered_auc_interval(scores, labels, case)
        self.assertAlmostEqual(value, auc(scores, labels))
        _, naive_low, naive_high = auc_interval(scores, labels)
        self.assertGreater(high - low, 3 * (naive_high - naive_low))
        # Each image a scan of its own: as DeLong, apart from the draws.
        single = clustered_auc_interval(scores, labels, np.arange(600))
        for found, wanted in zip(single, auc_interval(scores, labels)):
            self.assertAlmostEqual(found, wanted, delta=0.01)

    def test_auc_intervals_are_those_of_the_agent(self):
        table = Path(__file__).resolve().parents[2] / "test/unit/statistics/aucIntervals.json"
        for case in json.loads(table.read_text()):
            scores = np.array(case["positives"] + case["negatives"])
            labels = np.arange(len(scores)) < len(case["positives"])
            for name, found in zip(("value", "low", "high"), auc_interval(scores, labels)):
                self.assertAlmostEqual(found, case[name], places=8, msg=f"{name}: {case['name']}")

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

    def test_slices_of_one_scan_are_worth_less_than_independent_ones(self):
        hits = np.array([1, 0, 1, 1, 0, 1, 1, 1], bool)
        # One each: Wilson's own.
        self.assertEqual(clustered_proportion_interval(hits, np.arange(8)), proportion_interval(6, 8))
        # Ten copies of each are worth about as much as the eight alone: 80 / ((8 / 7 * 10) / (80 / 79)).
        worth = 80 / ((8 / 7 * 10) / (80 / 79))
        for got, wanted in zip(clustered_proportion_interval(np.repeat(hits, 10), np.repeat(np.arange(8), 10)), proportion_interval(0.75 * worth, worth)):
            self.assertAlmostEqual(got, wanted)
        # All right: no variance, and no more certain than the number of scans allows.
        self.assertEqual(clustered_proportion_interval(np.ones(80, bool), np.repeat(np.arange(8), 10)), proportion_interval(8, 8))

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
