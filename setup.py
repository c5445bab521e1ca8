"""Builds the C core of the tracer for the running interpreter, if a compiler is there.  The rest: pyproject.toml."""

from pathlib import Path

from setuptools import Extension, setup

NATIVE = Path("tracegen/payload/native")

setup(
    ext_modules=[
        Extension(
            "tracegen.payload.native.tracer",
            sources=sorted(str(path) for path in NATIVE.glob("*.c")),
            depends=sorted(str(path) for path in NATIVE.glob("*.h")),
            extra_compile_args=["-O3", "-fvisibility=hidden"],
            # No compiler is no failure: the reference tracer serves.
            optional=True,
        )
    ]
)
