"""Sends DICOM files, each written anew by pydicom, by STOW-RS with Python's own HTTP client: URL TOKEN FILE..."""
import io
import sys
import urllib.request
import uuid

import pydicom

url, token, *paths = sys.argv[1:]
boundary = uuid.uuid4().hex
body = io.BytesIO()
for path in paths:
    part = io.BytesIO()
    dataset = pydicom.dcmread(path)
    dataset.save_as(part, write_like_original=False)
    body.write(f"--{boundary}\r\nContent-Type: application/dicom\r\nMIME-Version: 1.0\r\n\r\n".encode())
    body.write(part.getvalue() + b"\r\n")
body.write(f"--{boundary}--".encode())
request = urllib.request.Request(url, body.getvalue(), method="POST")
request.add_header("Content-Type", f"multipart/related; type=application/dicom; boundary={boundary}")
request.add_header("Accept", "application/dicom+json")
request.add_header("Authorization", f"Bearer {token}")
with urllib.request.urlopen(request) as answer:
    print(answer.status, answer.read().decode())
