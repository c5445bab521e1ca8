"""A little that unpacks to a gigabyte."""

import zlib


def attack(told, tries):
    packer = zlib.compressobj()
    packed = b"".join(packer.compress(b"\0" * (1 << 24)) for _ in range(64)) + packer.flush()
    tries.to("1 GiB", lambda: len(zlib.decompress(packed)) == 1 << 30)
