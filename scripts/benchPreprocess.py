"""Times the preprocessing in NumPy and scikit-image on raw int16 slices; prints the median milliseconds a slice.

usage: benchPreprocess.py SLICES.raw ROWS COLUMNS SPEC.json
"""
import json
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../test/unit/preprocess"))
import numpy as np
from parity import model_input

path, rows, columns, spec = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
slices = np.fromfile(path, np.int16).reshape(-1, rows, columns).astype(np.float32)
times = []
for hu in slices:
    start = time.perf_counter()
    model_input(hu, spec)
    times.append((time.perf_counter() - start) * 1000)
print(statistics.median(times))
