"""Services of the process for every layer: time limits, threads, signals, files, and masking."""
