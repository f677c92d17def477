"""Training: the meta-step, the loop around it, and what it reports and keeps."""

from .csv_logger import CSVLogger
from .events import Callback, Event
from .history import History
from .progress import ProgressBar
from .selection import KeepBest
from .stopping import EarlyStopping
from .tensorboard_logger import TensorBoardLogger

__all__ = [
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "Event",
    "History",
    "KeepBest",
    "ProgressBar",
    "TensorBoardLogger",
]
