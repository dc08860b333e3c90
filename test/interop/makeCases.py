"""Runs each make.py that is named, in one process: importing pydicom takes longer than writing a case. CASES_BASE and CASES_OUT as lib.py wants them."""
import runpy
import sys

for path in sys.argv[1:]:
    runpy.run_path(path)
