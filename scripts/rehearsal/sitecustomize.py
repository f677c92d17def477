"""Loaded by each interpreter of a rehearsal of scripts/gpu_check.sh: where a package
for GPUs has no library, the emulated engine is in its place, and AMD's device files
are there.

NEURENIX_REHEARSAL is the folder that `make emulated` has filled for the device type.
The fake drivers in it are found with LD_LIBRARY_PATH, in the place of the vendor's.
"""

import os
import sys
from pathlib import Path

TYPES = {f"neurenix_backend_{name}": name for name in ("cuda", "rocm")}


class Finder:
    """Finds our packages as the others do, and changes them once they are imported."""

    def find_spec(self, name, path=None, target=None):
        if name not in TYPES:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        specs = (finder.find_spec(name, path, target) for finder in others)
        spec = next(filter(None, specs), None)
        if spec is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                rehearse(module, TYPES[name])

            spec.loader.exec_module = exec_module
        return spec


def rehearse(package, name):
    built = package.library
    emulated = f"libphynexus_{name}_emulated.so"

    def library():
        try:
            return built()
        except FileNotFoundError:
            return Path(os.environ["NEURENIX_REHEARSAL"]) / emulated

    package.library = library
    if name == "rocm":
        noted = package.architectures

        def architectures():
            # what the emulated engine is built for
            return ("gfx90a",) if library().name == emulated else noted()

        package.architectures = architectures
        from neurenix_backend_rocm import driver

        driver.check_device_files = lambda devices, classes: None


sys.meta_path.insert(0, Finder())
