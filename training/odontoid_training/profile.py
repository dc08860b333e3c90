"""Profiles: the whole recipe as JSON; nothing that shapes the result stands anywhere else."""
import json
from pathlib import Path

from .model import CaseClassifier, SliceEncoder

TRAINING = Path(__file__).resolve().parent.parent
# The paper's windows (section 2.1), in its channel order.
WINDOWS_HU = [{"centerHu": 400, "widthHu": 650}, {"centerHu": 500, "widthHu": 1800}, {"centerHu": 80, "widthHu": 300}]


def load_profile(name):
    path = Path(name)
    return json.loads((path if path.suffix == ".json" else TRAINING / "profiles" / f"{name}.json").read_text())


def make_encoder(profile):
    e = profile["encoder"]
    return SliceEncoder(e["baseWidth"], e["pooling"], e.get("sharpness", 4.0), e["dropout"])


def make_classifier(profile, feature_length):
    c = profile["classifier"]
    return CaseClassifier(feature_length, c["units"], c["pooling"], c.get("sharpness", 1.0), c["projection"], c["dropout"], c.get("evidence", False), c.get("columns", 0))
