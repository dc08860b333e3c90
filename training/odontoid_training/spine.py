"""The networks of a package of the kind `vertebra-sequence` (docs/adr/0026): a localiser over the planes of a scan, an encoder of crops around the spine, and a reader of vertebrae.

Shapes: volumes [B, 1, Z, S, S] in 0..1, from head to foot; crops [Z, 3, P, P], the plane and its neighbours; the middle of the spine [Z, 2] as row and column in pixels of a plane.
"""
import torch
from torch import nn
from torch.nn import functional

from .model import LEVELS, Bottleneck, DeepSupervision, SliceEncoder

# Pixels of a plane for a cell of the activation map. Crops begin on this grid, so that their maps fit into one map of the field.
CELL = 8
# The localiser sees planes that are this much coarser.
COARSE = 4
# Steps of the encoder's early map.
EARLY = 4


class Localiser(nn.Module):
    """Finds in each plane the middle of the spine, and which vertebrae it cuts.

    The middle is the mean of the cells, weighted by a softmax over the plane. What the plane shows there and as a whole goes to a BLSTM along the scan, because vertebrae look alike and their order tells them apart.
    """

    def __init__(self, width=8, units=32):
        super().__init__()
        self.body = nn.Sequential(
            nn.AvgPool3d((1, COARSE, COARSE)),
            nn.Conv3d(1, width, (3, 5, 5), (1, 2, 2), (1, 2, 2), bias=False), nn.BatchNorm3d(width), nn.ReLU(inplace=True),
            nn.Conv3d(width, 2 * width, 3, 1, 1, bias=False), nn.BatchNorm3d(2 * width), nn.ReLU(inplace=True),
            nn.Conv3d(2 * width, 2 * width, 3, 1, (2, 1, 1), (2, 1, 1), bias=False), nn.BatchNorm3d(2 * width), nn.ReLU(inplace=True))
        self.heat = nn.Conv3d(2 * width, 1, 1)
        self.project = nn.Linear(4 * width, units)
        self.blstm = nn.LSTM(units, units, bidirectional=True, batch_first=True)
        self.levels = nn.Linear(2 * units, len(LEVELS))

    def locate(self, volume):
        """volume [B, 1, Z, S, S] -> logits of the cells [B, Z, h, w], middle [B, Z, 2], level logits [B, Z, 8]."""
        maps = self.body(volume)
        heat = self.heat(maps)[:, 0]
        height, width = heat.shape[-2:]
        share = torch.softmax(heat.flatten(2), 2)
        row = (torch.arange(height * width) // width).to(share) + 0.5
        column = (torch.arange(height * width) % width).to(share) + 0.5
        middle = torch.stack([(share * row).sum(2), (share * column).sum(2)], 2) * (2 * COARSE) - 0.5
        flat = maps.flatten(3)
        seen = torch.cat([(flat * share[:, None]).sum(3), flat.mean(3)], 1).transpose(1, 2)
        order, _ = self.blstm(torch.relu(self.project(seen)))
        return heat, middle, self.levels(order)

    def forward(self, volume):
        """One scan [1, 1, Z, S, S]: middle [Z, 2], level logits [Z, 8]."""
        _, middle, levels = self.locate(volume)
        return middle[0], levels[0]


class CropEncoder(SliceEncoder):
    """The slice encoder with fewer blocks and finer maps: its last map has a cell for 8 pixels instead of 32, because a crop shows little but the spine."""

    BLOCKS, STRIDES = (2, 2, 3, 2), (1, 2, 2, 1)

    def __init__(self, base_width, sharpness, dropout):
        super().__init__(base_width, "lse", sharpness, dropout)
        self.stem = nn.Sequential(nn.Conv2d(3, base_width, 5, 2, 2, bias=False), nn.BatchNorm2d(base_width), nn.ReLU(inplace=True))
        stages, channels = [], base_width
        for i, (blocks, stride) in enumerate(zip(self.BLOCKS, self.STRIDES)):
            width, layers = base_width * 2 ** i, []
            for j in range(blocks):
                layers.append(Bottleneck(channels, width, stride if j == 0 else 1))
                channels = width * 4
            stages.append(nn.Sequential(*layers))
        self.stages = nn.ModuleList(stages)
        for module in [*self.stem.modules(), *self.stages.modules()]:
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


class DeepSupervisionOfCrops(DeepSupervision):
    """The same on the maps of a crop."""

    STEPS = (EARLY, CELL)


def corners_of(middle, size, crop):
    """Where the crops around these middles begin: cells of the field [Z, 2], so that the crop lies within the plane."""
    return torch.round((middle - (crop - 1) / 2) / CELL).clamp(0, (size - crop) // CELL)


def places(first, count, whole):
    """[Z, count, whole]: 1 where an element of a crop that begins at `first` [Z] lies in the whole. Times a plane it cuts the crop, and transposed it puts it back."""
    at = first[:, None] + torch.arange(count).to(first)
    return (at[:, :, None] == torch.arange(whole).to(first)).float()


def cut(planes, corners, crop):
    """planes [Z, S, S], corners [Z, 2] in cells -> crops [Z, 3, P, P]: the plane above, the plane, the plane below, of which the ends are repeated."""
    size = planes.shape[-1]
    rows, columns = (places(corners[:, axis] * CELL, crop, size) for axis in (0, 1))
    three = torch.stack([torch.cat([planes[:1], planes[:-1]]), planes, torch.cat([planes[1:], planes[-1:]])], 1)
    return rows[:, None] @ three @ columns.transpose(1, 2)[:, None]


def on_field(maps, corners, cells):
    """Maps of crops [Z, h, w] on the map of the field [Z, cells, cells], zero beside them."""
    rows, columns = (places(corners[:, axis], maps.shape[axis + 1], cells) for axis in (0, 1))
    return rows.transpose(1, 2) @ maps @ columns


def with_levels(feature, levels):
    """The levels are features too, before the last one, which stays the image logit."""
    return torch.cat([feature[..., :-1], levels, feature[..., -1:]], -1)


def levels_in(features):
    """The level logits among features [..., D]."""
    return features[..., -1 - len(LEVELS):-1]


class LevelColumns(nn.Module):
    """What LevelReader is to slices: the localiser has already read the levels."""

    def forward(self, features):
        return levels_in(features)


class VertebraReader(nn.Module):
    """The probability of a fracture of each vertebra: log-mean-exp of the logits of its planes, each weighted by how likely it cuts the vertebra; calibrated by Platt's method on all vertebrae together."""

    def __init__(self, slope=1.0, intercept=0.0):
        super().__init__()
        self.register_buffer("slope", torch.tensor(float(slope)))
        self.register_buffer("intercept", torch.tensor(float(intercept)))

    @staticmethod
    def logits(classifier, features):
        """features [N, D] -> [8]; of a vertebra that no plane cuts the value means nothing."""
        planes = classifier.slice_logits(features[None])[0]
        weights = functional.logsigmoid(levels_in(features))
        sharpness = classifier.log_sharpness.exp()
        return (torch.logsumexp(sharpness * planes[:, None] + weights, 0) - torch.logsumexp(weights, 0)) / sharpness

    def forward(self, classifier, features):
        return torch.sigmoid(self.slope * self.logits(classifier, features) + self.intercept)


class VertebraGraph(nn.Module):
    """The exported graph: volume [1, 1, Z, S, S] -> case_probability [], slice_score [Z], domain_distance [Z], slice_level [Z, 8], cam [Z, S/8, S/8], middle [Z, 2], vertebra_probability [8]."""

    def __init__(self, localiser, encoder, case, vertebrae, crop):
        super().__init__()
        self.localiser, self.encoder, self.case, self.vertebrae, self.crop = localiser, encoder, case, vertebrae, crop

    def forward(self, volume):
        planes = volume[0, 0]
        size = planes.shape[-1]
        middle, levels = self.localiser(volume)
        corners = corners_of(middle, size, self.crop)
        feature, _, cam = self.encoder.encode(cut(planes, corners, self.crop))
        features = with_levels(feature, levels)
        return (*self.case(features), on_field(cam, corners, size // CELL), middle, self.vertebrae(self.case.classifier, features))
