"""Writes the model package: graphs and their manifest."""
import hashlib
import json
from pathlib import Path

import torch

from .export import export_classifier, export_encoder, export_volume, golden_case, golden_vertebrae, golden_volume
from .model import LEVELS
from .profile import WINDOWS_HU
from .spine import CELL, VertebraGraph
from .volume import LAST_STEP, VolumeGraph

# What a package is under that was trained on phantoms.
LICENCE = "Apache-2.0"
PHANTOMS = "Synthetic cervical spine phantoms made by src/phantom; no patient's data of any kind."


def intended_use(statement):
    if statement == PHANTOMS:
        return ("Research on triage software with Odontoid's synthetic phantoms. Not for diagnostic use. It has learned from "
                "phantoms only: patients' scans lie outside its domain and are to be refused.")
    return f"Research on triage software. Not for diagnostic use. It has learned from this alone: {statement}"


def file_entry(path):
    data = path.read_bytes()
    return {"path": path.name, "sha256": hashlib.sha256(data).hexdigest(), "sizeBytes": len(data)}


def score_outputs(case):
    """The outputs that all kinds have; the vertebrae where they have been learned."""
    return {"caseProbability": "case_probability", "sliceScore": "slice_score", "domainDistance": "domain_distance", **({"sliceLevel": "slice_level"} if case.levels else {}), "cam": "cam"}


def slice_sequence_parts(profile, encoder, case, out):
    """Exports both graphs into the folder `out`; returns what the manifest says of them."""
    out.mkdir(parents=True, exist_ok=True)
    size = profile["input"]["sizePixels"]
    export_encoder(encoder, size, out / "sliceEncoder.onnx")
    export_classifier(case, encoder.feature_length, out / "caseClassifier.onnx")
    with torch.no_grad():
        cam = encoder.encode(torch.zeros(1, 3, size, size))[2]
    return {
        "kind": "slice-sequence",
        "files": {"sliceEncoder": file_entry(out / "sliceEncoder.onnx"), "caseClassifier": file_entry(out / "caseClassifier.onnx")},
        "input": {**profile["input"], "windowsHu": WINDOWS_HU, "featureLength": encoder.feature_length,
                  "camRows": cam.shape[1], "camColumns": cam.shape[2]},
        "outputs": {"feature": "feature", "imageProbability": "image_probability", **score_outputs(case)},
        "golden": golden_case(encoder, case, size),
    }


def volume_parts(profile, encoder, case, out):
    """Exports the one graph into the folder `out`; returns what the manifest says of it."""
    out.mkdir(parents=True, exist_ok=True)
    size = profile["input"]["sizePixels"]
    graph = VolumeGraph(encoder, case)
    export_volume(graph, [1, len(profile["input"]["windowsHu"]), 8 * LAST_STEP[0], size, size], out / "volumeNetwork.onnx")
    cells = size // LAST_STEP[1]
    return {
        "kind": "volume",
        "files": {"volumeNetwork": file_entry(out / "volumeNetwork.onnx")},
        "input": {**profile["input"], "camRows": cells, "camColumns": cells},
        "outputs": score_outputs(case),
        "golden": golden_volume(graph, profile["input"]),
    }


def vertebra_sequence_parts(profile, encoder, case, out):
    """Exports the one graph into the folder `out`; returns what the manifest says of it."""
    out.mkdir(parents=True, exist_ok=True)
    size = profile["input"]["sizePixels"]
    graph = VertebraGraph(case.classifier.localiser, encoder, case, case.classifier.vertebrae, profile["input"]["cropPixels"])
    export_volume(graph, [1, 1, 12, size, size], out / "volumeNetwork.onnx", by_row=["middle"], once=["vertebra_probability"])
    return {
        "kind": "vertebra-sequence",
        "files": {"volumeNetwork": file_entry(out / "volumeNetwork.onnx")},
        "input": {**profile["input"], "camRows": size // CELL, "camColumns": size // CELL},
        "outputs": {**score_outputs(case), "middle": "middle", "vertebraProbability": "vertebra_probability"},
        "golden": golden_vertebrae(graph, profile["input"]),
    }


def write_package(out, profile, parts, *, name, version, licence, training_data, operating_points, calibration, domain, metrics):
    """Writes model.json beside the exported graphs, of which `parts` tells; returns the manifest."""
    manifest = {
        "schema": 1,
        "kind": parts["kind"],
        "name": name,
        "version": version,
        "licence": licence,
        "intendedUse": intended_use(training_data["statement"]),
        "trainingData": {**training_data, **({"deviations": profile["deviations"]} if "deviations" in profile else {})},
        "files": parts["files"],
        "input": parts["input"],
        "outputs": parts["outputs"],
        **({"levels": list(LEVELS)} if "sliceLevel" in parts["outputs"] else {}),
        "operatingPoints": operating_points,
        "calibration": calibration,
        "domain": domain,
        "metrics": metrics,
        "golden": parts["golden"],
    }
    (Path(out) / "model.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest
