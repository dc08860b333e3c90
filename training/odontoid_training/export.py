"""The ONNX graphs (opset 13), and the golden case that a loader runs through them."""
import warnings

import numpy as np
import onnx
import torch
from torch import nn

from .versions import export_options


class EncoderGraph(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, image):
        return self.encoder.encode(image)


def export_encoder(encoder, size, path):
    encoder.eval()
    _export(EncoderGraph(encoder), torch.zeros(2, 3, size, size), path, ["image"], ["feature", "image_probability", "cam"],
            {"image": {0: "slices"}, "feature": {0: "slices"}, "image_probability": {0: "slices"}, "cam": {0: "slices"}})


def export_classifier(case, feature_length, path):
    case.eval()
    by_slice = ["slice_score", "domain_distance", *([] if case.levels is None else ["slice_level"])]
    _export(case, torch.randn(5, feature_length), path, ["features"], ["case_probability", *by_slice], {name: {0: "slices"} for name in ("features", *by_slice)})


def export_volume(graph, shape, path, by_row=(), once=()):
    """by_row, once: the outputs beyond those of a volume, one of each row and one of the scan."""
    graph.eval()
    by_row = ["slice_score", "domain_distance", *([] if graph.case.levels is None else ["slice_level"]), "cam", *by_row]
    _export(graph, torch.rand(shape), path, ["volume"], ["case_probability", *by_row, *once], {"volume": {2: "slices"}, **{name: {0: "rows"} for name in by_row}})


def _export(module, example, path, inputs, outputs, axes):
    # The exporter restores the mode that it found: a fresh wrapper would put the whole network into training mode.
    module.eval()
    with warnings.catch_warnings():
        # The exporter warns about LSTM with a batch of one and about folded constants; both are intended.
        warnings.simplefilter("ignore")
        torch.onnx.export(module, example, str(path), input_names=inputs, output_names=outputs, dynamic_axes=axes,
                          opset_version=13, do_constant_folding=True, **export_options())
    model = onnx.load(str(path))
    onnx.checker.check_model(model)


def pattern(length, multiplier, modulus=256):
    """The golden inputs, by formula: value[i] = ((i * multiplier) mod modulus) / (modulus - 1)."""
    i = np.arange(length, dtype=np.int64)
    return (((i * multiplier) % modulus) / (modulus - 1)).astype(np.float32)


GOLDEN_SLICES = 4


def golden_case(encoder, case, size):
    """What PyTorch computes for the golden inputs: the reference that every runtime is held to."""
    encoder.eval(), case.eval()
    image = torch.from_numpy(pattern(3 * size * size, 7919)).view(1, 3, size, size)
    with torch.no_grad():
        feature, probability, cam = encoder.encode(image)
        # Feature-like input in the range that the network itself makes: shrunk copies of the golden image's feature.
        features = torch.cat([feature * (1 - 0.2 * k) for k in range(GOLDEN_SLICES)])
        case_probability, slice_score, domain_distance, *slice_level = case(features)
    return {
        "statement": "Encoder: image[i] = ((i * 7919) mod 256) / 255 over the flat [1, 3, S, S] tensor. Classifier: "
                     "features[k] = (1 - 0.2 k) * feature of that image, k = 0..3. Expected values by PyTorch; "
                     "|difference| <= tolerance * max(1, |expected|).",
        "tolerance": 1e-3,
        "encoder": {
            "multiplier": 7919, "modulus": 256,
            "featureHead": [float(v) for v in feature[0, :16]],
            "featureMean": float(feature.mean()),
            "imageProbability": float(probability[0]),
            "camMaximum": float(cam.max()), "camMean": float(cam.mean()),
        },
        "classifier": {
            "sliceFactors": [1 - 0.2 * k for k in range(GOLDEN_SLICES)],
            "caseProbability": float(case_probability),
            "sliceScores": [float(v) for v in slice_score],
            "domainDistances": [float(v) for v in domain_distance],
            **({"sliceLevels": [[float(v) for v in row] for row in slice_level[0]]} if slice_level else {}),
        },
    }


GOLDEN_ROWS = 5


def golden_volume(graph, spec):
    """What PyTorch computes for the golden volume."""
    case_probability, slice_score, domain_distance, *slice_level, cam = run_golden(graph, spec)
    return golden_of_volume(spec, case_probability, slice_score, domain_distance, slice_level, cam)


def golden_vertebrae(graph, spec):
    """The same with the middle of the spine and the vertebrae."""
    case_probability, slice_score, domain_distance, slice_level, cam, middle, vertebra_probability = run_golden(graph, spec)
    return {
        **golden_of_volume(spec, case_probability, slice_score, domain_distance, [slice_level], cam),
        "middles": [[float(v) for v in row] for row in middle],
        "vertebraProbabilities": [float(v) for v in vertebra_probability],
    }


@torch.no_grad()
def run_golden(graph, spec):
    graph.eval()
    size, channels, slices = spec["sizePixels"], len(spec["windowsHu"]), GOLDEN_ROWS * spec["slicesPerRow"]
    return graph(torch.from_numpy(pattern(channels * slices * size * size, 7919)).view(1, channels, slices, size, size))


def golden_of_volume(spec, case_probability, slice_score, domain_distance, slice_level, cam):
    return {
        "statement": "volume[i] = ((i * 7919) mod 256) / 255 over the flat [1, channel, slice, row, column] tensor. Expected values by PyTorch; |difference| <= tolerance * max(1, |expected|).",
        "tolerance": 1e-3,
        "multiplier": 7919, "modulus": 256, "slices": GOLDEN_ROWS * spec["slicesPerRow"],
        "caseProbability": float(case_probability),
        "sliceScores": [float(v) for v in slice_score],
        "domainDistances": [float(v) for v in domain_distance],
        **({"sliceLevels": [[float(v) for v in row] for row in slice_level[0]]} if slice_level else {}),
        "camMaximum": float(cam.max()), "camMean": float(cam.mean()),
    }
