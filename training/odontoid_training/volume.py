"""The network of a package of the kind `volume`: a 3-D ResNet over the whole scan (He et al. 2016's 18 layers with basic blocks, as Hara et al. 2018 in 3-D).

Shapes: volumes [B, c, Z, S, S] in 0..1; last feature map A [B, C, n, h, w], of which a row is one of n along the scan; features [n, D].
"""
import math

import torch
from torch import nn
from torch.nn import functional

from .model import DeepSupervision

# Voxels a step of the last map, and of the maps that deep supervision marks: along the scan, and within a plane.
LAST_STEP = (4, 8)
MIDDLE_STEP, EARLY_STEP = (4, 8), (2, 4)


class BasicBlock(nn.Module):
    """Two 3x3x3 with a short cut."""

    def __init__(self, channels_in, width, stride):
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv3d(channels_in, width, 3, stride, 1, bias=False), nn.BatchNorm3d(width), nn.ReLU(inplace=True),
            nn.Conv3d(width, width, 3, 1, 1, bias=False), nn.BatchNorm3d(width))
        nn.init.zeros_(self.residual[-1].weight)
        self.shortcut = nn.Identity() if stride == 1 and channels_in == width else nn.Sequential(
            nn.Conv3d(channels_in, width, 1, stride, bias=False), nn.BatchNorm3d(width))

    def forward(self, x):
        return torch.relu(self.residual(x) + self.shortcut(x))


class VolumeEncoder(nn.Module):
    """3-D ResNet-18 with a linear head on its last map. Log-mean-exp over the cells of a row is the row's logit, log-mean-exp over the rows the scan's.

    The weights of all cells sum to 1, so Grad-CAM of the scan's logit is relu(w . A) / (n h w) exactly, as in the slice encoder.
    The feature of a row is the mean of A in it, the mean weighted by the same soft maximum, means and deviations of an early map
    (what the scan looks like: for the domain check) and, last, the row's logit.
    """

    def __init__(self, channels=1, base_width=8, sharpness=4.0, dropout=0.0):
        super().__init__()
        self.sharpness = sharpness
        w = base_width
        self.stem = nn.Sequential(nn.Conv3d(channels, w, 5, 2, 2, bias=False), nn.BatchNorm3d(w), nn.ReLU(inplace=True))
        stages, channels_in = [], w
        # The scan is long and its fractures are short: it is halved once more only along its axis, twice more across.
        for width, stride in ((w, 1), (2 * w, (1, 2, 2)), (4 * w, 2), (8 * w, 1)):
            stages.append(nn.Sequential(BasicBlock(channels_in, width, stride), BasicBlock(width, width, 1)))
            channels_in = width
        self.stages = nn.ModuleList(stages)
        self.dropout = nn.Dropout3d(dropout)
        self.head = nn.Conv3d(channels_in, 1, 1)
        nn.init.normal_(self.head.weight, std=0.01)
        self.image_bias = nn.Parameter(torch.zeros(1))
        self.early_channels = 2 * w
        self.feature_length = 2 * channels_in + 2 * self.early_channels + 1
        for module in self.modules():
            if isinstance(module, nn.Conv3d) and module is not self.head:
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def all_maps(self, x):
        early = self.stages[1](self.stages[0](self.stem(x)))
        middle = self.stages[2](early)
        return early, middle, self.stages[3](middle)

    def row_logits(self, cells):
        """cells [B, n, h, w] -> [B, n]."""
        flat = cells.flatten(2)
        return (torch.logsumexp(self.sharpness * flat, 2) - math.log(flat.shape[2])) / self.sharpness

    def forward(self, x):
        """For training: scan logits [B], cell logits [B, n, h, w], and the maps of stages 2 and 3."""
        early, middle, last = self.all_maps(x)
        cells = self.head(self.dropout(last))[:, 0]
        return self.scan_logit(self.row_logits(cells)), cells, (early, middle)

    def scan_logit(self, rows):
        """Row logits [B, n] -> [B]."""
        return (torch.logsumexp(self.sharpness * rows, 1) - torch.log(torch.ones_like(rows).sum(1))) / self.sharpness + self.image_bias

    def encode(self, x):
        """One scan [1, c, Z, S, S]: features of its rows [n, D], their probabilities [n], class activation map [n, h, w]."""
        early, _, last = self.all_maps(x)
        activation = functional.conv3d(last, self.head.weight)[0, 0]
        cells = activation + self.head.bias
        logits = self.row_logits(cells[None])[0]
        rows = last[0].flatten(2)  # [C, n, h w]
        peak = (rows * torch.softmax(self.sharpness * cells.flatten(1), 1)).sum(2)
        # The early map has two planes for a row.
        planes = LAST_STEP[0] // EARLY_STEP[0]
        mean = functional.avg_pool1d(early.mean((3, 4)), planes)[0]
        square = functional.avg_pool1d((early * early).mean((3, 4)), planes)[0]
        deviation = (square - mean * mean).clamp_min(0).sqrt()
        feature = torch.cat([rows.mean(2), peak, mean, deviation, logits[None]], 0).transpose(0, 1)
        cam = torch.relu(activation) / activation.flatten().shape[0]
        return feature, torch.sigmoid(logits), cam


class DeepSupervision3d(DeepSupervision):
    """The same on the maps of a volume."""

    STEPS = (EARLY_STEP, MIDDLE_STEP)
    convolution = nn.Conv3d


class RowPool(nn.Module):
    """What the BLSTM is to slices: reads the logits of the rows from their features, and the scan's logit from them. Nothing of it is trained."""

    def __init__(self, encoder):
        super().__init__()
        self.scan_logit = encoder.scan_logit

    def slice_logits(self, features):
        return features[..., -1]

    def case_logit(self, logits):
        return self.scan_logit(logits)


class VolumeGraph(nn.Module):
    """The exported graph: volume [1, c, Z, S, S] -> case_probability [], slice_score [n], domain_distance [n], slice_level [n, 8], cam [n, h, w]."""

    def __init__(self, encoder, case):
        super().__init__()
        self.encoder, self.case = encoder, case

    def forward(self, volume):
        feature, _, cam = self.encoder.encode(volume)
        return (*self.case(feature), cam)
