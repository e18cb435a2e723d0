"""A long bad day in minutes: `python -m benchmarks.soak [MESSAGES] [RATE] [SEED]`."""
