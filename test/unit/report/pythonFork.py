"""Runs the programs that come on standard input, a JSON list [program, arguments] a line, and answers each with a line [succeeded, standard output].

Each runs in a fork: loading pydicom takes most of a second, and is done once; what a program changes in it, no other sees.
"""

import json
import os
import sys
import traceback

import pydicom  # noqa: F401: loaded for the programs

for line in sys.stdin:
    program, arguments = json.loads(line)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(writing, 1)
        sys.argv = ["-c", *arguments]
        succeeded = False
        try:
            exec(program, {"__name__": "__main__"})
            succeeded = True
        except BaseException:
            traceback.print_exc(file=sys.stdout)
        sys.stdout.flush()
        os._exit(0 if succeeded else 1)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        output = pipe.read().decode()
    _, status = os.waitpid(pid, 0)
    print(json.dumps([status == 0, output]), flush=True)
