"""What holds for all tests."""

import os

# Before torch is loaded, and for processes that tests start: two threads of a small product on busy cores take up to
# ten times as long as one, and sums over several threads are rounded otherwise.
os.environ["OMP_NUM_THREADS"] = "1"
