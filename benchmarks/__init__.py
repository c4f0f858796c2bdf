"""Our kernels against peers and plain loops, as ratios within one run. `make bench` runs all of them."""
