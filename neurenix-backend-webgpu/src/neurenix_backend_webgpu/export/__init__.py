"""nx.export's target "web": a folder that runs in a browser and in Node."""

from .artefact import write

__all__ = ["write"]
