"""Writes the slices of a folder as Enhanced CT objects with pydicom, and reads such objects back as pydicom sees them.

    enhancedCt.py write OPTIONS.json   [{"slices", "out", "legacy", "layout", "encoding", "parts",
                                       "dropParts", "dropPosition", "localizer", "twice", "sparse", "repeat"}]
    enhancedCt.py read FILE...         prints, for each frame, its position and the sum of its values in Hounsfield units
"""
import io
import json
import pathlib
import struct
import sys

import numpy
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

CLASS = {False: "1.2.840.10008.5.1.4.1.1.2.1", True: "1.2.840.10008.5.1.4.1.1.2.2"}
COPIED = """PatientName PatientID PatientBirthDate PatientSex PatientAge StudyInstanceUID StudyDate StudyTime StudyDescription AccessionNumber
StudyID ReferringPhysicianName Modality SeriesNumber SeriesDescription ProtocolName BodyPartExamined Manufacturer FrameOfReferenceUID
ManufacturerModelName SpecificCharacterSet PositionReferenceIndicator PatientPosition Rows Columns BitsAllocated BitsStored HighBit
PixelRepresentation SamplesPerPixel PhotometricInterpretation PixelPaddingValue""".split()


def item(**values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def group(**values):
    return Sequence([item(**values)])


def groups_of(source, frame_type, stack, position):
    """The functional groups of one slice; what all slices share is moved to the shared ones afterwards."""
    functional = Dataset()
    functional.FrameContentSequence = group(
        StackID=stack, InStackPositionNumber=position, FrameAcquisitionNumber=1, DimensionIndexValues=[int(stack), position]
    )
    if "AcquisitionTime" in source and "AcquisitionDate" in source:
        functional.FrameContentSequence[0].FrameAcquisitionDateTime = source.AcquisitionDate + source.AcquisitionTime
    functional.PlanePositionSequence = group(ImagePositionPatient=source.ImagePositionPatient)
    functional.PlaneOrientationSequence = group(ImageOrientationPatient=source.ImageOrientationPatient)
    functional.PixelMeasuresSequence = group(PixelSpacing=source.PixelSpacing, SliceThickness=source.SliceThickness)
    functional.PixelValueTransformationSequence = group(
        RescaleIntercept=source.RescaleIntercept, RescaleSlope=source.RescaleSlope, RescaleType="HU"
    )
    functional.CTImageFrameTypeSequence = group(
        FrameType=frame_type, PixelPresentation="MONOCHROME", VolumetricProperties="VOLUME", VolumeBasedCalculationTechnique="NONE"
    )
    functional.CTReconstructionSequence = group(ConvolutionKernel=source.get("ConvolutionKernel", "BONE"))
    functional.CTXRayDetailsSequence = group(KVP=source.get("KVP", "120"))
    return functional


def legacy_groups_of(source, number):
    """As a converter writes them: what has no group of its own is left unassigned."""
    functional = groups_of(source, ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], "1", number)
    del functional.CTReconstructionSequence
    del functional.CTXRayDetailsSequence
    functional.UnassignedPerFrameConvertedAttributesSequence = group(
        ConvolutionKernel=source.get("ConvolutionKernel", "BONE"), AcquisitionNumber="1", KVP=source.get("KVP", "120")
    )
    return functional


def moved_to_shared(frames):
    """Moves what all frames have in the same way, as PS3.3 wants it; returns the shared groups."""
    shared = Dataset()
    for element in list(frames[0]):
        if all(frame.get(element.tag) == element for frame in frames):
            shared[element.tag] = element
            for frame in frames:
                del frame[element.tag]
    return shared


def encoded(frames, encoding):
    if encoding == "rle":
        from pydicom.pixel_data_handlers.rle_handler import rle_encode_frame

        return encapsulate([rle_encode_frame(frame) for frame in frames])
    from PIL import Image

    codestreams = []
    for frame in frames:
        # .jp2 is in boxes, .j2k is the codestream alone.
        buffer = io.BytesIO()
        buffer.name = "frame.jp2" if encoding == "jp2" else "frame.j2k"
        Image.fromarray(frame).save(buffer, "JPEG2000")
        codestreams.append(buffer.getvalue())
    # Several fragments a frame, with and without an offset table.
    return encapsulate(codestreams, fragments_per_frame=2 if encoding == "jp2" else 3, has_bot=encoding != "jp2")


SYNTAX = {
    "explicit": ExplicitVRLittleEndian,
    "implicit": ImplicitVRLittleEndian,
    "big-endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "rle": RLELossless,
    "j2k": JPEG2000Lossless,
    "jp2": JPEG2000Lossless,
}


def write(options):
    slices = [pydicom.dcmread(path) for path in sorted(pathlib.Path(options["slices"]).glob("IM*.dcm"))]
    slices *= options.get("repeat", 1)
    legacy = options.get("legacy", False)
    encoding = options.get("encoding", "explicit")
    sources = [(source, "1") for source in slices]
    if options.get("twice"):
        # A second reconstruction at the same positions.
        sources += [(source, "2") for source in slices]
    frames = []
    for index, (source, stack) in enumerate(sources):
        position = index % len(slices) + 1
        functional = (
            legacy_groups_of(source, position)
            if legacy
            else groups_of(source, ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], stack, position)
        )
        if options.get("twice") and stack == "2":
            functional.CTReconstructionSequence[0].ConvolutionKernel = "BONE"
        frames.append(functional)
    if options.get("localizer"):
        # The first frame is the scout: coronal, at a place of its own.
        functional = groups_of(slices[0], ["ORIGINAL", "PRIMARY", "LOCALIZER", "NONE"], "9", 1)
        functional.PlaneOrientationSequence = group(ImageOrientationPatient=[1, 0, 0, 0, 0, -1])
        frames.insert(0, functional)
        sources.insert(0, (slices[0], "9"))
    for index in options.get("dropPosition", []):
        del frames[index].PlanePositionSequence
    shared = Dataset() if options.get("layout") == "per-frame" else moved_to_shared(frames)

    parts = options.get("parts", 1)
    size = -(-len(frames) // parts)
    out = pathlib.Path(options["out"])
    for part in range(parts):
        if part in options.get("dropParts", []):
            continue
        chosen = range(part * size, min(len(frames), (part + 1) * size))
        dataset = Dataset()
        for keyword in COPIED:
            if keyword in slices[0]:
                dataset[keyword] = slices[0][keyword]
        uid = f"{slices[0].SeriesInstanceUID[:50]}.{len(frames)}.{part + 1}"
        dataset.SOPClassUID = CLASS[legacy]
        dataset.SOPInstanceUID = uid
        dataset.SeriesInstanceUID = f"{slices[0].SeriesInstanceUID[:50]}.77"
        dataset.InstanceNumber = str(part + 1)
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
        dataset.NumberOfFrames = str(len(chosen))
        dataset.ContentDate, dataset.ContentTime = "20260102", "030405"
        dataset.DimensionOrganizationSequence = group(DimensionOrganizationUID=f"{uid}.9")
        dataset.DimensionIndexSequence = Sequence(
            [
                item(DimensionOrganizationUID=f"{uid}.9", DimensionIndexPointer=pointer, FunctionalGroupPointer=0x00209111)
                for pointer in (0x00209056, 0x00209057)
            ]
        )
        if parts > 1:
            dataset.ConcatenationUID = f"{slices[0].SeriesInstanceUID[:50]}.88"
            dataset.SOPInstanceUIDOfConcatenationSource = f"{slices[0].SeriesInstanceUID[:50]}.89"
            dataset.InConcatenationNumber = part + 1
            dataset.InConcatenationTotalNumber = parts
            dataset.ConcatenationFrameOffsetNumber = part * size
        dataset.SharedFunctionalGroupsSequence = Sequence([shared])
        dataset.PerFrameFunctionalGroupsSequence = Sequence([frames[index] for index in chosen])
        pixels = [sources[index][0].pixel_array for index in chosen]
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = SYNTAX[encoding]
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.is_little_endian = encoding != "big-endian"
        dataset.is_implicit_VR = encoding == "implicit"
        if "sparse" in options:
            # A file as large as one of `sparse` rows and columns, of zeros that take no disk.
            dataset.Rows = dataset.Columns = options["sparse"]
            path = out / "sparse.dcm"
            dataset.save_as(path, write_like_original=False)
            pixels = len(chosen) * 2 * options["sparse"] ** 2
            with open(path, "ab") as file:
                file.write(struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, pixels))
                file.truncate(file.tell() + pixels)
            continue
        if encoding in ("rle", "j2k", "jp2"):
            dataset.PixelData = encoded(pixels, encoding)
            dataset["PixelData"].is_undefined_length = True
            dataset["PixelData"].VR = "OB"
        else:
            array = numpy.stack(pixels)
            dataset.PixelData = (array.byteswap() if encoding == "big-endian" else array).tobytes()
            dataset["PixelData"].VR = "OW"
        dataset.save_as(out / f"{encoding}-{part + 1}.dcm", write_like_original=False)


def read(path):
    dataset = pydicom.dcmread(path)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    array = dataset.pixel_array.astype(numpy.float64)
    array = array if array.ndim == 3 else array[None]

    def of(functional, keyword):
        return (functional if keyword in functional else shared)[keyword].value[0]

    return [
        {
            "position": [float(value) for value in of(functional, "PlanePositionSequence").ImagePositionPatient],
            "sum": float(
                (
                    frame * float(of(functional, "PixelValueTransformationSequence").RescaleSlope)
                    + float(of(functional, "PixelValueTransformationSequence").RescaleIntercept)
                ).sum()
            ),
        }
        for functional, frame in zip(dataset.PerFrameFunctionalGroupsSequence, array)
    ]


if sys.argv[1] == "write":
    for options in json.loads(pathlib.Path(sys.argv[2]).read_text()):
        write(options)
else:
    print(json.dumps([read(path) for path in sys.argv[2:]]))
