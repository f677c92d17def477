"""Meta-learning: learners, tasks, data sets and evaluation."""

from typing import TYPE_CHECKING

from neurenix import missing as _missing
from neurenix.callers import public_door as _public_door

from . import datasets, recipes
from .anil import ANIL
from .batches import Episode
from .boil import BOIL
from .comparison import Comparison
from .drop_block import DropBlock
from .embedding_based import EmbeddingClassifier
from .evaluation import Evaluation
from .events import Callback, Event, ProgressBar
from .families import (
    generate_gaussian_mixture_tasks,
    generate_gaussian_process_tasks,
    generate_harmonic_tasks,
    generate_sine_mixture_tasks,
)
from .fomaml import FOMAML
from .history import History
from .imaml import IMAML
from .learner import MetaLearner, Outcome
from .maml import MAML
from .maml_plus_plus import MAMLPlusPlus
from .matching import MatchingNetworks
from .meta_sgd import MetaSGD
from .models import MLP, Conv4
from .neural_process import ConditionalNeuralProcess
from .proto_maml import ProtoMAML
from .prototypical import PrototypicalNetworks
from .r2d2 import R2D2
from .reptile import Reptile
from .residual import ResNet12
from .sampler import TaskSampler
from .selection import KeepBest
from .sequences import RecurrentNetwork, Transformer
from .tasks import Task, generate_classification_tasks, generate_regression_tasks

__all__ = [
    "MAML",
    "FOMAML",
    "ANIL",
    "BOIL",
    "MetaSGD",
    "Reptile",
    "ProtoMAML",
    "IMAML",
    "MAMLPlusPlus",
    "PrototypicalNetworks",
    "MatchingNetworks",
    "R2D2",
    "ConditionalNeuralProcess",
    "MetaLearner",
    "Outcome",
    "Episode",
    "EmbeddingClassifier",
    "Task",
    "TaskSampler",
    "generate_regression_tasks",
    "generate_classification_tasks",
    "generate_sine_mixture_tasks",
    "generate_harmonic_tasks",
    "generate_gaussian_process_tasks",
    "generate_gaussian_mixture_tasks",
    "datasets",
    "recipes",
    "Conv4",
    "MLP",
    "ResNet12",
    "DropBlock",
    "RecurrentNetwork",
    "Transformer",
    "Evaluation",
    "Comparison",
    "History",
    "Callback",
    "Event",
    "ProgressBar",
    "KeepBest",
]

_ELSEWHERE = {
    "ConvNet": "neurenix.meta.Conv4",
    "EpisodicBatchSampler": "neurenix.meta.TaskSampler",
    "MAMLpp": "neurenix.meta.MAMLPlusPlus",
    "MatchingNet": "neurenix.meta.MatchingNetworks",
    "MetaDataset": "neurenix.meta.TaskSampler, of a data set in neurenix.meta.datasets",
    "ProtoNet": "neurenix.meta.PrototypicalNetworks",
    "ProtoNets": "neurenix.meta.PrototypicalNetworks",
    "RelationNetwork": "neurenix.meta.PrototypicalNetworks or MatchingNetworks",
    "TaskDataset": "neurenix.meta.TaskSampler",
    "evaluate": "learner.evaluate(tasks)",
    "adapt": "learner.adapt_to_task(x, y)",
    "benchmarks": "neurenix.meta.datasets and neurenix.meta.recipes",
    "train": "learner.meta_learn(tasks)",
}

_public_door(__name__)

if not TYPE_CHECKING:  # to a type checker every name would exist
    __getattr__ = _missing.of_module(__name__, _ELSEWHERE)
