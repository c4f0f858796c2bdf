"""The report of a run: one HTML page with everything in it, which asks the network for nothing."""

from .build import write as write
