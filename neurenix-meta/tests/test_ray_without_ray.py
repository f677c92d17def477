"""What is said and done where Ray is not installed."""

import subprocess
import sys

import pytest

from neurenix.errors import MissingPackageError
from neurenix.meta.distributed import RayStrategy


def test_without_ray_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingPackageError, match=r'install "./neurenix-meta\[ray\]"'):
        RayStrategy(2)


def test_ray_is_imported_on_use() -> None:
    code = (
        "import sys, neurenix.meta, neurenix.meta.distributed; "
        "assert 'ray' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
