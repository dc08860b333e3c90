"""Writes data sets in several encodings to the folder named, and prints what pydicom says of each in the DICOM JSON Model."""

import json
import sys
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

ENCODINGS = {
    'explicit': ExplicitVRLittleEndian,
    'implicit': ImplicitVRLittleEndian,
    'big': ExplicitVRBigEndian,
}


def item():
    part = Dataset()
    part.CodeValue = 'T-11310'
    part.CodingSchemeDesignator = 'SRT'
    part.CodeMeaning = 'Wirbelsäule'
    return part


def dataset():
    ds = Dataset()
    ds.SpecificCharacterSet = 'ISO_IR 100'
    ds.ImageType = ['ORIGINAL', 'PRIMARY', '', 'AXIAL']
    ds.SOPClassUID = '1.2.840.10008.5.1.4.1.1.2'
    ds.SOPInstanceUID = '2.25.71'
    ds.StudyDate = '20261129'
    ds.AccessionNumber = ''
    ds.Modality = 'CT'
    ds.AnatomicRegionSequence = Sequence([item(), Dataset()])
    ds.PatientName = 'Müller^Jörg^^Dr='
    ds.PatientID = 'J-1'
    ds.PatientComments = 'one\\two'
    ds.SliceThickness = '0.75'
    ds.KVP = None
    ds.WindowCenter = ['40', '300.5']
    ds.InstanceNumber = '17'
    ds.FrameIncrementPointer = [0x00181063, 0x0020000D]
    ds.Rows = 2
    ds.Columns = 3
    ds.BitsAllocated = 16
    ds.PixelRepresentation = 1
    ds.add_new(0x00280106, 'SS', -1024)
    ds.add_new(0x00280107, 'SS', 3071)
    ds.add_new(0x00189345, 'FD', 12.625)
    ds.add_new(0x00720076, 'FL', [1.5, -2.25])
    ds.add_new(0x00081190, 'UR', 'https://pacs.example/a?b=1')
    ds.add_new(0x00420011, 'OB', bytes(range(64)))
    block = ds.private_block(0x0019, 'ODONTOID TEST', create=True)
    block.add_new(0x01, 'LO', 'privat')
    ds.PixelData = bytes(range(12))
    ds['PixelData'].VR = 'OW'
    return ds


folder = Path(sys.argv[1])
answers = {}
for name, syntax in ENCODINGS.items():
    ds = dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.is_little_endian = name != 'big'
    ds.is_implicit_VR = name == 'implicit'
    path = folder / f'{name}.dcm'
    ds.save_as(path, write_like_original=False)
    answers[name] = ds.to_json_dict(4096, lambda element: '')
print(json.dumps(answers))
