"""Compiles the engine. It is a library that cffi opens, not a module of Python."""

from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

from neurenix.phynexus import INCLUDE_DIR

SOURCES = Path("src/neurenix_backend_template_c")


class BuildEngine(build_ext):
    def get_ext_filename(self, name):
        return f"{name.replace('.', '/')}.so"

    def get_export_symbols(self, extension):
        return extension.export_symbols  # it has no PyInit


engine = Extension(
    "neurenix_backend_template_c.libengine",
    sources=sorted(str(path) for path in SOURCES.glob("*.c")),
    depends=[str(SOURCES / "engine.h")],
    include_dirs=[str(INCLUDE_DIR)],
    export_symbols=["phynexus_api"],
    extra_compile_args=["-std=c11", "-O2", "-fvisibility=default"],
    libraries=["m"],
)
setup(ext_modules=[engine], cmdclass={"build_ext": BuildEngine})
