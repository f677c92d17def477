"""Training: the meta-step, the loop around it, and what it reports and keeps."""

from .events import Callback, Event, ProgressBar
from .history import History
from .selection import KeepBest

__all__ = ["Callback", "Event", "History", "KeepBest", "ProgressBar"]
