"""What differs between the kinds of a package; all else of the training is shared."""
import numpy as np
import torch

from .batches import SliceSampler
from .features import encode_slices, freeze
from .localiser import around_spine, load_localiser, rehearse, train_localiser
from .model import LEVELS, DeepSupervision
from .package import slice_sequence_parts, vertebra_sequence_parts, volume_parts
from .profile import make_crop_encoder, make_encoder, make_volume_encoder
from .spine import CELL, DeepSupervisionOfCrops, LevelColumns, VertebraReader, levels_in, with_levels
from .spine_crops import CropSampler
from .stage2 import platt, train_classifier, train_levels
from .volume import LAST_STEP, DeepSupervision3d, RowPool
from .volume_batches import BlockSampler


# Fewer scans whose vertebrae are known teach no reader of levels.
LEAST_NAMED = 10


def learned_levels(profile, encoded, cases, args, report):
    """The reader of levels, from scans whose vertebrae are known (of patients only segmented scans state which a slice cuts); None where there are too few."""
    named = [c for c in cases if "levels" in c.meta]
    return train_levels(profile, encoded, named, args.seed, args.device, report=report) if len(named) >= LEAST_NAMED else None


def as_they_are(profile, cohort, out, args, report):
    """Most kinds see the scans as the cohort has them."""
    return lambda cases: cases


def nothing_before(profile, cases, device):
    """Most kinds learn nothing before stage 1."""
    return (lambda cases: cases), None


class SliceSequence:
    """An encoder of single slices, and a BLSTM over their features."""

    seen = staticmethod(as_they_are)
    rehearse = staticmethod(nothing_before)
    levels = staticmethod(learned_levels)

    make_encoder = staticmethod(make_encoder)
    deep_supervision = DeepSupervision
    parts = staticmethod(slice_sequence_parts)
    last_step = 32

    @staticmethod
    def sampler(cases, profile, seed):
        return SliceSampler(cases, profile["stage1"], profile["input"]["sizePixels"], seed)

    @staticmethod
    def to_device(image, device):
        return image.to(device).contiguous(memory_format=torch.channels_last)

    @staticmethod
    @torch.no_grad()
    def image_scores(encoder, cases, device, most):
        """(scores, labels) of single whole images."""
        encoder = freeze(encoder, cases[0].images.shape[-1], device)
        chosen = [(c, i) for c in cases for i in np.flatnonzero(c.known)]
        # The same sample every time.
        pick = np.random.default_rng(0).permutation(len(chosen))
        chosen = [chosen[k] for k in pick][:most]
        scores, labels = [], []
        for start in range(0, len(chosen), 16):
            part = chosen[start:start + 16]
            image = torch.from_numpy(np.stack([c.images[i] for c, i in part])).to(device).float() / 255
            scores.extend(encoder(image)[1].cpu().tolist())
            labels.extend(bool(c.labels[i]) for c, i in part)
        return np.array(scores), np.array(labels)

    @staticmethod
    def encode_case(encoder, device):
        return None

    @staticmethod
    def classifier(profile, encoder, encoded, cohort, out, args, report):
        return train_classifier(profile, encoded, cohort, out, args.seed, args.device, report=report)

    @staticmethod
    def describe(profile, files):
        return (f"A slice encoder (ResNet-50 topology, base width {profile['encoder']['baseWidth']}, {profile['input']['sizePixels']} pixels a side) and a BLSTM case "
                f"classifier ({profile['classifier']['units']} units a direction) over its features. "
                f"{files['sliceEncoder']['sizeBytes'] / 1e6:.1f} + {files['caseClassifier']['sizeBytes'] / 1e6:.1f} MB.")


class VertebraSequence(SliceSequence):
    """A localiser, an encoder of crops around the spine, and a BLSTM over their features; each vertebra has a probability."""

    make_encoder = staticmethod(make_crop_encoder)
    deep_supervision = DeepSupervisionOfCrops
    parts = staticmethod(vertebra_sequence_parts)
    last_step = CELL

    @staticmethod
    def seen(profile, cohort, out, args, report):
        """Trains the localiser; what it returns shows scans around the spine."""
        localiser = train_localiser(profile, cohort["train"], cohort["validation"], out, args.seed, args.device, report=report)
        return cropped(profile, localiser)

    @staticmethod
    def rehearse(profile, cases, device):
        """For a plan: how scans are seen, by a localiser that has learned nothing, and what it takes."""
        localiser, learn, look = rehearse(profile, cases, device)
        weights = 4 * sum(p.numel() for p in localiser.parameters())
        return cropped(profile, localiser), {"epochs": profile["localiser"]["epochs"], "learnSeconds": learn, "lookSeconds": look, "weightBytes": weights}

    @staticmethod
    def sampler(cases, profile, seed):
        return CropSampler(cases, profile["stage1"], profile["input"]["cropPixels"], seed)

    @staticmethod
    def encode_case(encoder, device):
        encoder.eval().to(device)
        frozen = {}

        def encode(case):
            size = case.crop
            if size not in frozen:
                frozen[size] = freeze(encoder, size, device)
            features, probabilities = encode_slices(frozen[size], case, 32, device)
            return with_levels(torch.from_numpy(features), torch.from_numpy(case.level_logits)).numpy(), probabilities

        return encode

    @staticmethod
    def levels(profile, encoded, cases, args, report):
        return LevelColumns()

    @staticmethod
    def classifier(profile, encoder, encoded, cohort, out, args, report):
        """The case classifier, which carries what else the graph needs: localiser and reader of vertebrae."""
        classifier = train_classifier(profile, encoded, cohort, out, args.seed, args.device, report=report)
        logits, labels = vertebra_logits(classifier, encoded, cohort["validation"])
        classifier.vertebrae = VertebraReader(*platt(logits, labels))
        classifier.localiser = load_localiser(profile, out)
        return classifier

    @staticmethod
    def describe(profile, files):
        i = profile["input"]
        return (f"A localiser (3-D convolutions and a BLSTM) over planes of {i['sizePixels'] * i['pixelSpacingMm']:.0f} mm, {i['sliceSpacingMm']} mm apart; an encoder (residual bottlenecks, base width {profile['encoder']['baseWidth']}) of "
                f"crops of {i['cropPixels'] * i['pixelSpacingMm']:.0f} mm around the spine in three neighbouring planes; a BLSTM ({profile['classifier']['units']} units a direction) over the crops. {files['volumeNetwork']['sizeBytes'] / 1e6:.1f} MB.")


def cropped(profile, localiser):
    return lambda cases: [around_spine(localiser, case, profile["input"]["cropPixels"], "cpu") for case in cases]


@torch.no_grad()
def vertebra_logits(classifier, encoded, cases):
    """(logits, broken) of all vertebrae that planes of these scans cut and of which it is known whether they are broken."""
    logits, labels = [], []
    for case in cases:
        features = torch.from_numpy(encoded[case.id][0])
        cut = (levels_in(features) > 0).any(0)
        broken = [fracture["level"] for fracture in case.meta["fractures"]]
        if case.label and not (broken and all(broken)):
            continue
        logits.extend(VertebraReader.logits(classifier, features)[cut].tolist())
        labels.extend(level in broken for level, shown in zip(LEVELS, cut) if shown)
    return np.array(logits), np.array(labels, bool)


class Volume:
    """One network over the whole scan. Its rows stand where a sequence has its slices."""

    seen = staticmethod(as_they_are)
    rehearse = staticmethod(nothing_before)
    levels = staticmethod(learned_levels)

    make_encoder = staticmethod(make_volume_encoder)
    deep_supervision = DeepSupervision3d
    parts = staticmethod(volume_parts)
    last_step = LAST_STEP

    @staticmethod
    def sampler(cases, profile, seed):
        return BlockSampler(cases, profile["stage1"], seed)

    @staticmethod
    def to_device(image, device):
        return image.to(device)

    @staticmethod
    def encode_case(encoder, device):
        encoder = encoder.eval().to(device)

        @torch.no_grad()
        def encode(case):
            volume = torch.from_numpy(np.moveaxis(case.images, 1, 0).copy())[None].to(device).float() / 255
            feature, probability, _ = encoder.encode(volume)
            return feature.cpu().numpy(), probability.cpu().numpy()

        return encode

    @classmethod
    def image_scores(cls, encoder, cases, device, most):
        """(scores, labels) of the rows of whole scans."""
        encode = cls.encode_case(encoder, device)
        return np.concatenate([encode(c)[1][c.known] for c in cases]), np.concatenate([c.labels[c.known] for c in cases])

    @staticmethod
    def classifier(profile, encoder, encoded, cohort, out, args, report):
        return RowPool(encoder)

    @staticmethod
    def describe(profile, files):
        i = profile["input"]
        return (f"A 3-D ResNet-18 (base width {profile['encoder']['baseWidth']}) over the whole scan at {i['pixelSpacingMm']} x {i['pixelSpacingMm']} x {i['sliceSpacingMm']} mm, "
                f"a field of {i['sizePixels'] * i['pixelSpacingMm']:.0f} mm about the middle of the image. {files['volumeNetwork']['sizeBytes'] / 1e6:.1f} MB.")


def kind_of(profile):
    kinds = {"slice-sequence": SliceSequence, "volume": Volume, "vertebra-sequence": VertebraSequence}
    name = profile.get("kind", "slice-sequence")
    if name not in kinds:
        raise SystemExit(f"the profile's kind is {name!r}: it must be one of {', '.join(kinds)}")
    return kinds[name]
