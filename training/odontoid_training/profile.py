"""Profiles: the whole recipe as JSON; nothing that shapes the result stands anywhere else."""
import json
from pathlib import Path

from .model import CaseClassifier, SliceEncoder
from .spine import CELL, COARSE, CropEncoder
from .volume import LAST_STEP, VolumeEncoder

TRAINING = Path(__file__).resolve().parent.parent
# The paper's windows (section 2.1), in its channel order.
WINDOWS_HU = [{"centerHu": 400, "widthHu": 650}, {"centerHu": 500, "widthHu": 1800}, {"centerHu": 80, "widthHu": 300}]


def load_profile(name):
    path = Path(name)
    return json.loads((path if path.suffix == ".json" else TRAINING / "profiles" / f"{name}.json").read_text())


def make_encoder(profile):
    e = profile["encoder"]
    return SliceEncoder(e["baseWidth"], e["pooling"], e.get("sharpness", 4.0), e["dropout"])


def make_volume_encoder(profile):
    e, i = profile["encoder"], profile["input"]
    if i["slicesPerRow"] != LAST_STEP[0] or i["sizePixels"] % LAST_STEP[1]:
        raise SystemExit(f"the network has a row for {LAST_STEP[0]} planes and a cell for {LAST_STEP[1]} pixels: set slicesPerRow to {LAST_STEP[0]} and sizePixels to a multiple of {LAST_STEP[1]}")
    return VolumeEncoder(len(i["windowsHu"]), e["baseWidth"], e["sharpness"], e["dropout"])


def make_crop_encoder(profile):
    e, i = profile["encoder"], profile["input"]
    if i["slicesPerRow"] != 1 or len(i["windowsHu"]) != 1 or i["sizePixels"] % (4 * COARSE) or i["cropPixels"] % (2 * CELL) or i["cropPixels"] > i["sizePixels"]:
        raise SystemExit(f"the network wants one window, slicesPerRow 1, sizePixels a multiple of {4 * COARSE}, and cropPixels a multiple of {2 * CELL} and no more than sizePixels")
    return CropEncoder(e["baseWidth"], e["sharpness"], e["dropout"])


def make_classifier(profile, feature_length):
    c = profile["classifier"]
    return CaseClassifier(feature_length, c["units"], c["pooling"], c.get("sharpness", 1.0), c["projection"], c["dropout"], c.get("evidence", False), c.get("columns", 0))
