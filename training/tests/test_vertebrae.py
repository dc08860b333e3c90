"""The parts of the kind vertebra-sequence. Run: PYTHONPATH=training python3 -m unittest discover -s training/tests"""
import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx
import torch

from odontoid_training.export import export_volume, golden_vertebrae
from odontoid_training.localiser import judge, train_localiser
from odontoid_training.model import LEVELS, CalibratedCase, CaseClassifier, DomainCheck
from odontoid_training.profile import make_crop_encoder
from odontoid_training.spine import CELL, EARLY, DeepSupervisionOfCrops, LevelColumns, Localiser, VertebraGraph, VertebraReader, corners_of, cut, levels_in, on_field, with_levels
from odontoid_training.spine_crops import CroppedCase, Crops, CropSampler

SIZE, CROP = 64, 32
PROFILE = {"input": {"sizePixels": SIZE, "cropPixels": CROP, "slicesPerRow": 1, "windowsHu": [{}]}, "encoder": {"baseWidth": 4, "sharpness": 4.0, "dropout": 0.0}}


class Scan:
    """Planes with one bright spot each, at the middle of the spine; a plane shows C1 or, from the fifth on, C2."""

    def __init__(self, seed=0, planes=10, **meta):
        random = np.random.default_rng(seed)
        self.id = str(seed)
        self.images = random.integers(0, 40, (planes, 1, SIZE, SIZE)).astype(np.uint8)
        self.masks = np.zeros((planes, SIZE // 4, SIZE // 4), np.uint8)
        middles = random.integers(20, 44, (planes, 2))
        for plane, (row, column) in zip(self.images, middles):
            plane[0, row - 3:row + 4, column - 3:column + 4] = 250
        self.images[5:] //= 2
        self.label = False
        self.known, self.labels = np.ones(planes, bool), np.zeros(planes, bool)
        self.meta = {"middles": middles.tolist(), "levels": [["C1"]] * 5 + [["C2"]] * (planes - 5), "fractures": [], **meta}


def graph_of(encoder):
    torch.manual_seed(5)
    length = encoder.feature_length + len(LEVELS)
    case = CalibratedCase(CaseClassifier(length, 6, "lse", projection=6, evidence=True), DomainCheck(length, 3), LevelColumns())
    return VertebraGraph(Localiser(4, 6), encoder, case, VertebraReader(1.5, -0.5), CROP).eval()


class CropsOfTheSpine(unittest.TestCase):
    def test_training_reads_the_crops_that_the_graph_cuts(self):
        scan = Scan()
        # Some lie beyond the field and are moved into it.
        middle = torch.tensor(scan.meta["middles"], dtype=torch.float32)
        middle[0], middle[9] = torch.tensor([2.0, 70.0]), torch.tensor([61.0, 0.0])
        corners = corners_of(middle, SIZE, CROP)
        self.assertEqual(corners[[0, 9]].tolist(), [[0, 4], [4, 0]])
        cuts = cut(torch.from_numpy(scan.images[:, 0]).float(), corners, CROP)
        crops = Crops(scan.images, corners.numpy().astype(int), CROP)
        self.assertEqual(crops.shape, tuple(cuts.shape))
        np.testing.assert_array_equal(crops[0:10], cuts.numpy())
        np.testing.assert_array_equal(crops[9][1], scan.images[9, 0, 32:64, 0:32])

    def test_the_spine_is_in_the_middle_of_its_crop_within_half_a_cell(self):
        middle = torch.tensor(Scan().meta["middles"], dtype=torch.float32)
        off = middle - (corners_of(middle, SIZE, CROP) * CELL + (CROP - 1) / 2)
        self.assertLessEqual(float(off.abs().max()), CELL / 2)

    def test_maps_return_to_where_their_crop_was(self):
        maps, corners = torch.rand(3, 4, 4), torch.tensor([[0.0, 4.0], [2.0, 1.0], [4.0, 0.0]])
        field = on_field(maps, corners, SIZE // CELL)
        for own, whole, (row, column) in zip(maps, field, corners.int().tolist()):
            self.assertTrue(torch.equal(whole[row:row + 4, column:column + 4], own))
            self.assertAlmostEqual(float(whole.sum()), float(own.sum()), 4)

    def test_masks_lie_on_their_crop_and_heads_for_training_have_the_steps_of_the_targets(self):
        scan = Scan()
        scan.label, scan.labels[4] = True, True
        row, column = scan.meta["middles"][4]
        scan.masks[4, row // 4, column // 4] = 1
        corners = corners_of(torch.tensor(scan.meta["middles"], dtype=torch.float32), SIZE, CROP).numpy().astype(int)
        case = CroppedCase(scan, corners, np.zeros((10, 8), np.float32), CROP)
        sampler = CropSampler([case], {"patch": None, "scaleJitter": 0, "rotateDegrees": 0, "flip": False, "intensityJitter": 0, "batch": 2, "positiveShare": 0.5}, CROP, 1)
        self.assertEqual([i for _, i in sampler.positives], [4])
        image, label, targets = sampler.make([(case, 4), (case, 3)], None, augment=False)
        self.assertEqual(label.tolist(), [1, 0])
        np.testing.assert_allclose(image[0, 1].numpy() * 255, scan.images[4, 0, corners[4][0] * CELL:, corners[4][1] * CELL:][:CROP, :CROP], atol=1e-3)
        place = np.argwhere(targets[CELL][0][0].numpy())
        self.assertTrue(any((corners[4] + one == (row // CELL, column // CELL)).all() for one in place), place)
        encoder = make_crop_encoder(PROFILE)
        _, cells, maps = encoder(image)
        self.assertEqual(cells.shape, targets[CELL][0].shape)
        self.assertEqual([tuple(m.shape) for m in DeepSupervisionOfCrops(encoder)(maps)], [tuple(targets[step][0].shape) for step in (EARLY, CELL)])


class Levels(unittest.TestCase):
    def test_the_localiser_finds_the_spine_and_goes_on_after_a_stop(self):
        profile = {"localiser": {"width": 4, "units": 12, "learningRate": 1e-2, "weightDecay": 0.0, "epochs": 12, "shiftPixels": 4}}
        train, test = [Scan(seed) for seed in range(8)], [Scan(100)]
        with tempfile.TemporaryDirectory() as out:
            said = []
            half = {"localiser": {**profile["localiser"], "epochs": 3}}
            train_localiser(half, train, test, out, 1, "cpu", report=said.append)
            localiser = train_localiser(profile, train, test, out, 1, "cpu", report=said.append)
            self.assertEqual([text.split(":")[0].split("/")[0] for text in said], [f"localiser epoch {epoch}" for epoch in range(1, 13)])
            self.assertEqual(len((Path(out) / "localiser.csv").read_text().split()), 13)
        off, named = judge(localiser, test, "cpu")
        self.assertLess(off, CELL / 2)
        self.assertGreaterEqual(named, 0.8)

    def test_scans_of_unknown_vertebrae_cannot_teach_it(self):
        scan = Scan()
        del scan.meta["middles"]
        with self.assertRaisesRegex(SystemExit, "segmentations"):
            train_localiser({"localiser": {}}, [scan], [], "/nowhere", 1, "cpu")

    def test_planes_that_clearly_show_other_vertebrae_than_the_broken_one_are_intact(self):
        scan = Scan(fractures=[{"level": "C2"}])
        scan.label, scan.known = True, np.zeros(10, bool)
        levels = np.full((10, 8), -6, np.float32)
        levels[4:, LEVELS.index("C2")] = 3
        levels[3, LEVELS.index("C2")] = -1
        case = CroppedCase(scan, np.zeros((10, 2), int), levels, CROP)
        self.assertEqual(case.truth.tolist(), [0, 0, 0] + [0.5] * 7)
        case.meta["fractures"].append({"level": None})
        self.assertEqual(case.truth.tolist(), [0.5] * 10)


class Vertebrae(unittest.TestCase):
    def test_a_vertebra_has_the_logits_of_its_own_planes(self):
        torch.manual_seed(1)
        classifier = CaseClassifier(20, 4, "lse").eval()
        features = torch.randn(12, 20)
        levels = torch.full((12, 8), -30.0)
        levels[:6, 0] = levels[6:, 1] = 30
        features = with_levels(features[:, 8:], levels)
        self.assertTrue(torch.equal(levels_in(features), levels))
        planes = classifier.slice_logits(features[None])
        expected = [float(classifier.case_logit(part)) for part in (planes[:, :6], planes[:, 6:])]
        logits = VertebraReader.logits(classifier, features)
        np.testing.assert_allclose(logits[:2].tolist(), expected, atol=1e-5)
        np.testing.assert_allclose(VertebraReader(2.0, -1.0)(classifier, features)[:2].tolist(), [1 / (1 + np.exp(1 - 2 * logit)) for logit in expected], atol=1e-5)

    def test_exports_to_a_graph_for_scans_of_any_length(self):
        graph = graph_of(make_crop_encoder(PROFILE))
        golden = golden_vertebrae(graph, PROFILE["input"])
        self.assertEqual([len(golden[name]) for name in ("sliceScores", "sliceLevels", "middles", "vertebraProbabilities")], [5, 5, 5, 8])
        with tempfile.TemporaryDirectory() as out:
            path = Path(out) / "graph.onnx"
            export_volume(graph, [1, 1, 12, SIZE, SIZE], path, by_row=["middle"], once=["vertebra_probability"])
            outputs = {o.name: [d.dim_param or d.dim_value for d in o.type.tensor_type.shape.dim] for o in onnx.load(str(path)).graph.output}
        # The exporter does not know the sizes of products; the agent checks those that it knows, and the golden case the rest.
        self.assertEqual([(name, outputs[name][0], len(outputs[name])) for name in ("slice_level", "cam", "middle")], [("slice_level", "rows", 2), ("cam", "rows", 3), ("middle", "rows", 2)])
        self.assertEqual(len(outputs["vertebra_probability"]), 1)
        self.assertEqual(golden_vertebrae(graph, PROFILE["input"]), golden)


if __name__ == "__main__":
    unittest.main()
