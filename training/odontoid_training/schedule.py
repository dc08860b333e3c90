"""The course of a learning rate."""
import math


def cosine(done):
    """What share of the learning rate is left when `done` (0..1) of the way is gone: from all of it down to a fiftieth."""
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done))
