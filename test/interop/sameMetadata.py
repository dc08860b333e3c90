"""Compares metadata in the DICOM JSON Model with what pydicom reads in the files: `sameMetadata.py LIST.json`, [{"path", "dataset"}]."""

import json
import sys

import pydicom

# Where the two may differ: the address of pixels, and the character set, which JSON has its own.
OTHER = {'7FE00010', '00080005', '00083002'}


def plain(value):
    """pydicom writes empty values as texts and lists where PS3.18 F.2.5 has null and nothing."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items() if not (key == 'Value' and part == [])}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return None if value == '' else value


def comparable(dataset):
    return plain({tag: element for tag, element in dataset.items() if tag not in OTHER})


entries = json.load(open(sys.argv[1], encoding='utf-8'))
for entry in entries:
    expected = comparable(pydicom.dcmread(entry['path']).to_json_dict(1024, lambda element: ''))
    found = comparable(entry['dataset'])
    for tag in sorted(expected.keys() | found.keys()):
        ours, theirs = found.get(tag), expected.get(tag)
        if ours != theirs:
            sys.exit(f'{entry["path"]} {tag}: {ours} is not {theirs}')
print(len(entries), 'the same')
