"""Backend packages that are broken, each in its own way: wheels for pip to install."""

from __future__ import annotations

import zipfile
from pathlib import Path

RECORD = """
from neurenix import backends

def _record(probe=lambda: 1, create=None, api=backends.API_VERSION, name={name!r}):
    return backends.BackendInfo(name, api, "fake-{name}", {priority}, probe, create)

def _raise(error):
    raise error

@backends.hookimpl
def neurenix_backend():
"""

ENGINE = """
    from neurenix.backends.native import NativeBackend, count_devices
    library = {library!r}
    return _record(lambda: count_devices(library), lambda: NativeBackend(library))
"""

WRONG = """
    from neurenix.backends.reference import ReferenceBackend

    class Wrong(ReferenceBackend):
        def compile(self, program, index, state=0):
            run = super().compile(program, index, state)
            return lambda inputs: [output + 1 for output in run(inputs)]

    return _record(create=Wrong)
"""

# The device type: what its module does where a good one has a record. Text that starts
# at the left margin is the whole module.
MODULES = {
    "import_error": "import a_module_that_nobody_has\n",
    "leaves": "raise SystemExit('no licence')\n",
    "no_hook": "# nothing here\n",
    "stale": "",
    "old_api": "    return _record(api=0)\n",
    "new_api": "    return _record(api=99)\n",
    "other_name": "    return _record(name='something_else')\n",
    "raises": "    return _record(lambda: _raise(OSError('driver 470 is old')))\n",
    "hangs": "    import time\n    return _record(lambda: time.sleep(600))\n",
    "create_hangs": (
        "    import time\n    return _record(create=lambda: time.sleep(600))\n"
    ),
    "crashes": "    import os\n    return _record(lambda: os.abort())\n",
    "no_device": "    return _record(lambda: 0)\n",
    "no_library": ENGINE.format(library="/nowhere/libengine.so"),
    "create_fails": "    return _record(create=lambda: _raise(MemoryError('full')))\n",
    "wrong": WRONG,
    "good": (
        "    from neurenix.backends.reference import ReferenceBackend\n"
        "    return _record(create=ReferenceBackend)\n"
    ),
}

# What an engine says of itself before anything else of it is looked at.
TABLE = """
#include <stddef.h>
#include <stdint.h>
struct table { size_t size; int32_t major, minor; char rest[4096]; };
static const struct table api = { sizeof(struct table), MAJOR, 0, { 0 } };
const struct table *phynexus_api(void) { return &api; }
"""


def source(device_type: str, body: str, priority: int) -> str:
    whole = body.startswith(("import", "raise", "#"))
    return body if whole else RECORD.format(name=device_type, priority=priority) + body


def wheel(
    folder: Path,
    device_type: str,
    body: str,
    distribution: str | None = None,
    priority: int = 20,
) -> Path:
    """The wheel of one fake backend; `distribution` is fake-TYPE unless given."""
    name = distribution or f"fake-{device_type.replace('_', '-')}"
    module = name.replace("-", "_")
    info = f"{module}-1.2.dist-info"
    files = {
        f"{module}.py": source(device_type, body, priority),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n",
        f"{info}/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: test\n"
            "Root-Is-Purelib: true\nTag: py3-none-any\n"
        ),
        f"{info}/entry_points.txt": (
            f"[neurenix.backends]\n{device_type} = {module}\n"
        ),
    }
    if not body:
        del files[f"{module}.py"]  # stale: the entry point names a module that is gone
    record = [f"{path},," for path in [*files, f"{info}/RECORD"]]
    files[f"{info}/RECORD"] = "\n".join(record) + "\n"
    path = folder / f"{module}-1.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in files.items():
            archive.writestr(inside, text)
    return path
