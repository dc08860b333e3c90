"""Writes the model package: two graphs and their manifest."""
import hashlib
import json
from pathlib import Path

import torch

from .export import export_classifier, export_encoder, golden_case
from .model import LEVELS
from .profile import WINDOWS_HU

PHANTOMS = "Synthetic cervical spine phantoms made by src/phantom; no patient's data of any kind."


def intended_use(statement):
    if statement == PHANTOMS:
        return ("Research on triage software with Odontoid's synthetic phantoms. Not for diagnostic use. It has learned from "
                "phantoms only: patients' scans lie outside its domain and are to be refused.")
    return f"Research on triage software. Not for diagnostic use. It has learned from this alone: {statement}"


def file_entry(path):
    data = path.read_bytes()
    return {"path": path.name, "sha256": hashlib.sha256(data).hexdigest(), "sizeBytes": len(data)}


def write_package(out, profile, encoder, case, *, name, version, training_data, operating_points, calibration, domain, metrics):
    """Exports both graphs into the folder `out` and writes model.json; returns the manifest."""
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    size = profile["input"]["sizePixels"]
    export_encoder(encoder, size, out / "sliceEncoder.onnx")
    export_classifier(case, encoder.feature_length, out / "caseClassifier.onnx")
    with torch.no_grad():
        cam = encoder.encode(torch.zeros(1, 3, size, size))[2]
    manifest = {
        "schema": 1,
        "kind": "slice-sequence",
        "name": name,
        "version": version,
        "licence": "Apache-2.0",
        "intendedUse": intended_use(training_data["statement"]),
        "trainingData": {**training_data, **({"deviations": profile["deviations"]} if "deviations" in profile else {})},
        "files": {"sliceEncoder": file_entry(out / "sliceEncoder.onnx"), "caseClassifier": file_entry(out / "caseClassifier.onnx")},
        "input": {**profile["input"], "windowsHu": WINDOWS_HU, "featureLength": encoder.feature_length,
                  "camRows": cam.shape[1], "camColumns": cam.shape[2]},
        "outputs": {"feature": "feature", "imageProbability": "image_probability", "cam": "cam",
                    "caseProbability": "case_probability", "sliceScore": "slice_score", "domainDistance": "domain_distance",
                    **({"sliceLevel": "slice_level"} if case.levels else {})},
        **({"levels": list(LEVELS)} if case.levels else {}),
        "operatingPoints": operating_points,
        "calibration": calibration,
        "domain": domain,
        "metrics": metrics,
        "golden": golden_case(encoder, case, size),
    }
    (out / "model.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest
