"""torchrun, mended where it needs it: PyTorch 1.13 on Python 3.11 (Debian 12) does not find the member of its own enumeration that redirects nothing."""
from torch.distributed.elastic.multiprocessing import Std
from torch.distributed.run import main

if Std.from_str("0") is None:
    found = Std.from_str
    Std.from_str = lambda text: found(text) or Std.NONE

if __name__ == "__main__":
    main()
