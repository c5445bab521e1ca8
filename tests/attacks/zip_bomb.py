"""A little that unpacks to more than there is."""

import zlib


def attack(told, tries):
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(b"\0" * (1 << 24)) for _ in range(24)) + packer.flush()
    tries.to("384 MiB", lambda: len(zlib.decompress(packed)) == 384 << 20)
