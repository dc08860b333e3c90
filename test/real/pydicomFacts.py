"""What pydicom (Debian's, with numpy and Pillow) reads in every file of a folder, as JSON lines. Hounsfield units go to OUT as float32, row-major; of syntaxes for
which pydicom has no decoder here, those of the file that DCMTK has decompressed. Usage: pydicomFacts.py DIR OUT"""
import json
import os
import subprocess
import sys

import numpy as np
import pydicom

folder, out = sys.argv[1:]


def decoded(path, dataset):
    try:
        return dataset.pixel_array
    except Exception as error:
        for tool in ('dcmdjpeg', 'dcmdjpls'):
            copy = os.path.join(out, 'decompressed.dcm')
            if subprocess.run([tool, path, copy], capture_output=True).returncode == 0:
                return pydicom.dcmread(copy).pixel_array
        raise error


def facts_of(path, number):
    dataset = pydicom.dcmread(path, force=True)
    if 'SOPInstanceUID' not in dataset:
        return {'isDicom': False}
    facts = {
        'isDicom': True,
        'sopClassUid': str(dataset.get('SOPClassUID', '')),
        'modality': str(dataset.get('Modality', '')),
        'imageType': [str(value) for value in dataset.get('ImageType', [])],
        'transferSyntaxUid': str(dataset.file_meta.get('TransferSyntaxUID', '')),
        'samplesPerPixel': int(dataset.get('SamplesPerPixel', 0)),
        'bitsAllocated': int(dataset.get('BitsAllocated', 0)),
        'sliceThicknessMm': float(dataset.get('SliceThickness', 0) or 0),
        'orientation': [float(value) for value in dataset.get('ImageOrientationPatient', [])],
        'hasPosition': 'ImagePositionPatient' in dataset,
        'values': None,
    }
    try:
        stored = decoded(path, dataset)
    except Exception as error:
        return {**facts, 'error': str(error)}
    if facts['samplesPerPixel'] == 1 and 'RescaleSlope' in dataset and stored.ndim == 2:
        hu = stored.astype(np.float64) * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
        if 'PixelPaddingValue' in dataset:
            limit = int(dataset.get('PixelPaddingRangeLimit', dataset.PixelPaddingValue))
            first, last = sorted((int(dataset.PixelPaddingValue), limit))
            hu[(stored >= first) & (stored <= last)] = -1024
        facts['values'] = f'{number}.f32'
        np.clip(hu, -1024, 3071).astype('<f4').tofile(os.path.join(out, facts['values']))
    return facts


number = 0
for parent, _, names in sorted(os.walk(folder)):
    for name in sorted(names):
        path = os.path.join(parent, name)
        try:
            facts = facts_of(path, number)
        except Exception as error:
            facts = {'isDicom': False, 'error': str(error)}
        print(json.dumps({'file': os.path.relpath(path, folder), **facts}))
        number += 1
