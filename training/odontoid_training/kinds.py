"""What differs between the kinds of a package; all else of the training is shared."""
import numpy as np
import torch

from .batches import SliceSampler
from .features import freeze
from .model import DeepSupervision
from .package import slice_sequence_parts, volume_parts
from .profile import make_encoder, make_volume_encoder
from .stage2 import train_classifier
from .volume import LAST_STEP, DeepSupervision3d, RowPool
from .volume_batches import BlockSampler


class SliceSequence:
    """An encoder of single slices, and a BLSTM over their features."""

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


class Volume:
    """One network over the whole scan. Its rows stand where a sequence has its slices."""

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
    kinds = {"slice-sequence": SliceSequence, "volume": Volume}
    name = profile.get("kind", "slice-sequence")
    if name not in kinds:
        raise SystemExit(f"the profile's kind is {name!r}: it must be one of {', '.join(kinds)}")
    return kinds[name]
