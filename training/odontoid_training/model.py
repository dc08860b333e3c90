"""The slice encoder (ResNet-50 topology) and the case classifier (BLSTM).

Shapes: images [B, 3, S, S] in 0..1; last feature map A [B, C, h, w]; features [N, D].
"""
import math

import torch
from torch import nn


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 with a short cut (He et al. 2016); the stride sits on the 3x3."""

    def __init__(self, channels_in, width, stride):
        super().__init__()
        out = width * 4
        self.residual = nn.Sequential(
            nn.Conv2d(channels_in, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
            nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out))
        # Initialised to zero: each block starts as its shortcut, which stabilises training from scratch.
        nn.init.zeros_(self.residual[-1].weight)
        self.shortcut = nn.Identity() if stride == 1 and channels_in == out else nn.Sequential(
            nn.Conv2d(channels_in, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        return torch.relu(self.residual(x) + self.shortcut(x))


class SliceEncoder(nn.Module):
    """ResNet-50 (3-4-6-3 bottlenecks) with a linear head on its last feature map.

    pooling 'mean' is the paper's: image logit = mean over the cells of (w . A + b), feature = mean of A.
    pooling 'lse' takes log-mean-exp over the cells in place of the mean, so that one broken cell is not averaged away;
    its feature is the mean of A, the mean of A weighted by the same soft maximum, the channel means and deviations of an early
    map (what the image looks like rather than what it shows: for the domain check) and, last, the image logit.
    Either way the weights of the cells sum to 1, so Grad-CAM of the image logit is relu(w . A) / (h w) exactly.
    """

    def __init__(self, base_width=64, pooling="mean", sharpness=4.0, dropout=0.0):
        super().__init__()
        self.pooling, self.sharpness = pooling, sharpness
        w = base_width
        self.stem = nn.Sequential(nn.Conv2d(3, w, 7, 2, 3, bias=False), nn.BatchNorm2d(w), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1))
        stages, channels = [], w
        for i, blocks in enumerate((3, 4, 6, 3)):
            width = w * 2 ** i
            layers = []
            for j in range(blocks):
                layers.append(Bottleneck(channels, width, 2 if i > 0 and j == 0 else 1))
                channels = width * 4
            stages.append(nn.Sequential(*layers))
        self.stages = nn.ModuleList(stages)
        self.dropout = nn.Dropout2d(dropout)
        self.head = nn.Conv2d(channels, 1, 1)
        nn.init.normal_(self.head.weight, std=0.01)
        self.image_bias = nn.Parameter(torch.zeros(1), requires_grad=pooling == "lse")
        self.channels = channels
        self.early_channels = w * 8
        self.feature_length = channels if pooling == "mean" else 2 * channels + 2 * self.early_channels + 1
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module is not self.head:
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def all_maps(self, x):
        """The maps of stages 2, 3 and 4: steps of 8, 16 and 32 pixels."""
        early = self.stages[1](self.stages[0](self.stem(x)))
        middle = self.stages[2](early)
        return early, middle, self.stages[3](middle)

    def maps(self, x):
        """The early map (stage 2) and the last."""
        early, _, last = self.all_maps(x)
        return early, last

    def cell_logits(self, last):
        return self.head(self.dropout(last))[:, 0]

    def image_logit(self, cells):
        # Full precision: half precision is too coarse for sums over many cells.
        flat = cells.flatten(1).float()
        if self.pooling == "mean":
            return flat.mean(1)
        r = self.sharpness
        return (torch.logsumexp(r * flat, 1) - math.log(flat.shape[1])) / r + self.image_bias

    def forward(self, x):
        """For training: image logits [B], cell logits [B, h, w], and the maps of stages 2 and 3."""
        early, middle, last = self.all_maps(x)
        cells = self.cell_logits(last)
        return self.image_logit(cells), cells, (early, middle)

    def encode(self, x):
        """What the exported graph gives: feature [B, D], image probability [B], class activation map [B, h, w]."""
        early, last = self.maps(x)
        activation = nn.functional.conv2d(last, self.head.weight)[:, 0]
        cells = activation + self.head.bias
        logit = self.image_logit(cells)
        feature = last.mean((2, 3))
        if self.pooling == "lse":
            weights = torch.softmax(self.sharpness * cells.flatten(1), 1)
            peak = (last.flatten(2) * weights[:, None]).sum(2)
            mean = early.mean((2, 3))
            deviation = ((early - mean[:, :, None, None]) ** 2).mean((2, 3)).sqrt()
            feature = torch.cat([feature, peak, mean, deviation, logit[:, None]], 1)
        cam = torch.relu(activation) / (last.shape[2] * last.shape[3])
        return feature, torch.sigmoid(logit), cam


class DeepSupervision(nn.Module):
    """Heads on the maps of stages 2 and 3 that mark broken cells of 8 and 16 pixels. For training only; not exported."""

    STEPS = (8, 16)
    convolution = nn.Conv2d

    def __init__(self, encoder):
        super().__init__()
        self.heads = nn.ModuleList([self.convolution(encoder.early_channels, 1, 1), self.convolution(2 * encoder.early_channels, 1, 1)])

    def forward(self, maps):
        return [head(map_)[:, 0] for head, map_ in zip(self.heads, maps)]


class CaseClassifier(nn.Module):
    """BLSTM over the features of a case's slices, superior to inferior: features [N, D] -> slice logits [N], case logit.

    pooling 'mean' (the paper's question put to every slice): case logit = mean of the slice logits.
    pooling 'lse': log-mean-exp of the slice logits, so that a few slices decide, however many the scan has.
    pooling 'attention': the mean of the slice logits weighted by their own softmax at a learned sharpness: each slice's share stays exact.
    `columns` > 0 shows the BLSTM only so many of the features (the first are the mean of the last map: all that the paper's head sees).
    `projection` > 0 puts a linear layer before the BLSTM: small networks on few cases overfit without.
    `evidence`: the last feature is the image logit, and the BLSTM learns what to add to it from the neighbours and the level.
    """

    def __init__(self, feature_length, units=128, pooling="mean", sharpness=1.0, projection=0, dropout=0.5, evidence=False, columns=0):
        super().__init__()
        self.pooling, self.evidence, self.columns = pooling, evidence, columns or feature_length
        self.log_sharpness = nn.Parameter(torch.tensor(math.log(sharpness)), requires_grad=pooling != "mean")
        self.register_buffer("mean", torch.zeros(feature_length))
        self.register_buffer("scale", torch.ones(feature_length))
        self.project = nn.Sequential(nn.Linear(self.columns, projection), nn.ReLU()) if projection else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.blstm = nn.LSTM(projection or self.columns, units, bidirectional=True, batch_first=True)
        self.head = nn.Linear(2 * units, 1)
        if evidence:
            nn.init.zeros_(self.head.weight)
            self.gain = nn.Parameter(torch.ones(1))

    def slice_logits(self, features):
        """features [B, N, D] -> [B, N]."""
        seen = self.columns
        x = ((features[:, :, :seen] - self.mean[:seen]) * self.scale[:seen]).clamp(-8, 8)
        x, _ = self.blstm(self.dropout(self.project(self.dropout(x))))
        logits = self.head(self.dropout(x))[:, :, 0]
        return logits + self.gain * features[:, :, -1] if self.evidence else logits

    def case_logit(self, logits, mask=None):
        """logits [B, N] -> [B]; mask [B, N] is true on slices, false on padding."""
        mask = torch.ones_like(logits, dtype=torch.bool) if mask is None else mask
        count = mask.sum(1)
        if self.pooling == "mean":
            return (logits * mask).sum(1) / count
        r = self.log_sharpness.exp()
        if self.pooling == "attention":
            return (torch.softmax((r * logits).masked_fill(~mask, -1e4), 1) * logits).sum(1)
        return (torch.logsumexp((r * logits).masked_fill(~mask, -1e4), 1) - torch.log(count.float())) / r


class DomainCheck(nn.Module):
    """How far each slice lies from the training images, and how far the series is from being in order.

    Distance of a slice: its Mahalanobis distance over the square root of the number of features, with the covariance's leading
    directions kept and all the others given one variance `rest` (probabilistic PCA, Tipping and Bishop 1999). A linear reading of the level (0 skull base .. 1 first thoracic
    vertebra) must rise along the series; `disorder` is added to every slice where its correlation with the order is low.
    """

    ORDER_WEIGHT = 20.0

    def __init__(self, feature_length, dimensions):
        super().__init__()
        self.register_buffer("mean", torch.zeros(feature_length))
        self.register_buffer("scale", torch.ones(feature_length))
        self.register_buffer("directions", torch.zeros(feature_length, dimensions))
        self.register_buffer("rest", torch.tensor(1.0))
        self.register_buffer("level", torch.zeros(feature_length))
        self.register_buffer("least_order", torch.tensor(-1.0))

    def forward(self, features):
        centred = features - self.mean
        scaled = centred * self.scale
        square = (scaled ** 2).sum(1) / self.rest - ((scaled @ self.directions) ** 2).sum(1)
        distance = (square / features.shape[1]).clamp_min(0).sqrt()
        return distance + self.ORDER_WEIGHT * torch.relu(self.least_order - self.order(centred))

    def order(self, centred):
        level = centred @ self.level
        ones = torch.ones_like(level)
        index = torch.cumsum(ones, 0)
        level = level - level.mean()
        index = index - index.mean()
        return (level * index).sum() / ((level ** 2).sum() * (index ** 2).sum()).clamp_min(1e-12).sqrt()


LEVELS = ("C1", "C2", "C3", "C4", "C5", "C6", "C7", "T1")


class LevelReader(nn.Module):
    """Which vertebrae a slice cuts, read from the features of the whole scan: features [B, N, D] -> logits [B, N, 8], in the order of LEVELS.

    The vertebrae look alike: their order along the scan, which the BLSTM sees, tells them apart.
    """

    def __init__(self, feature_length, projection=24, units=24, dropout=0.3):
        super().__init__()
        self.register_buffer("mean", torch.zeros(feature_length))
        self.register_buffer("scale", torch.ones(feature_length))
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(feature_length, projection)
        self.blstm = nn.LSTM(projection, units, bidirectional=True, batch_first=True)
        self.head = nn.Linear(2 * units, len(LEVELS))

    def forward(self, features):
        x = ((features - self.mean) * self.scale).clamp(-8, 8)
        x, _ = self.blstm(torch.relu(self.project(self.dropout(x))))
        return self.head(self.dropout(x))


class CalibratedCase(nn.Module):
    """The exported case graph: features [N, D] -> case_probability [], slice_score [N], domain_distance [N] and, where it has learned levels, slice_level
    [N, 8] (probabilities, LEVELS)."""

    def __init__(self, classifier, domain, levels, slope=1.0, intercept=0.0):
        super().__init__()
        self.classifier, self.domain, self.levels = classifier, domain, levels
        self.register_buffer("slope", torch.tensor(float(slope)))
        self.register_buffer("intercept", torch.tensor(float(intercept)))

    def forward(self, features):
        logits = self.classifier.slice_logits(features[None])
        case = self.classifier.case_logit(logits)[0]
        probability = torch.sigmoid(self.slope * case + self.intercept)
        outputs = probability, torch.sigmoid(logits[0]), self.domain(features)
        return outputs if self.levels is None else (*outputs, torch.sigmoid(self.levels(features[None])[0]))
