"""What holds for all tests."""

import os

# Before torch is loaded: two threads of a small product on busy cores take up to ten times as long as one.
os.environ.setdefault("OMP_NUM_THREADS", "1")
