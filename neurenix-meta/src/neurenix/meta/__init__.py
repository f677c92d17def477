"""Meta-learning: learners, tasks, data sets and evaluation."""

from typing import TYPE_CHECKING

from neurenix import missing as _missing
from neurenix.callers import public_door as _public_door

from . import datasets, plot, recipes
from .classification.classifier import Classifier
from .classification.examples import list_images
from .classification.loading import load
from .classification.scores import ClassifierScores
from .datasets.preprocess import Preprocess
from .evaluation.comparison import Comparison
from .evaluation.result import Evaluation
from .learner import MetaLearner, Outcome
from .methods.anil import ANIL
from .methods.boil import BOIL
from .methods.embedding_based import EmbeddingClassifier
from .methods.fomaml import FOMAML
from .methods.imaml import IMAML
from .methods.maml import MAML
from .methods.maml_plus_plus import MAMLPlusPlus
from .methods.matching import MatchingNetworks
from .methods.meta_sgd import MetaSGD
from .methods.neural_process import ConditionalNeuralProcess
from .methods.proto_maml import ProtoMAML
from .methods.prototypical import PrototypicalNetworks
from .methods.r2d2 import R2D2
from .methods.reptile import Reptile
from .models.drop_block import DropBlock
from .models.networks import MLP, Conv4
from .models.residual import ResNet12
from .models.sequences import RecurrentNetwork, Transformer
from .tasks.augmentation import Augmentation
from .tasks.batches import Episode
from .tasks.families import (
    generate_gaussian_mixture_tasks,
    generate_gaussian_process_tasks,
    generate_harmonic_tasks,
    generate_sine_mixture_tasks,
)
from .tasks.sampler import TaskSampler
from .tasks.task import Task, generate_classification_tasks, generate_regression_tasks
from .training.csv_logger import CSVLogger
from .training.events import Callback, Event
from .training.history import History
from .training.progress import ProgressBar
from .training.selection import KeepBest
from .training.stopping import EarlyStopping
from .training.tensorboard_logger import TensorBoardLogger
from .weights.pretrained import Pretrained, pretrained, pretrained_names

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
    "Augmentation",
    "generate_regression_tasks",
    "generate_classification_tasks",
    "generate_sine_mixture_tasks",
    "generate_harmonic_tasks",
    "generate_gaussian_process_tasks",
    "generate_gaussian_mixture_tasks",
    "datasets",
    "recipes",
    "plot",
    "Conv4",
    "MLP",
    "ResNet12",
    "DropBlock",
    "RecurrentNetwork",
    "Transformer",
    "Classifier",
    "ClassifierScores",
    "Preprocess",
    "load",
    "list_images",
    "pretrained",
    "pretrained_names",
    "Pretrained",
    "Evaluation",
    "Comparison",
    "History",
    "Callback",
    "Event",
    "ProgressBar",
    "KeepBest",
    "EarlyStopping",
    "CSVLogger",
    "TensorBoardLogger",
]

_ELSEWHERE = {
    "Augment": "neurenix.meta.Augmentation",
    "Baseline": "neurenix.meta.Classifier, of a frozen embedding",
    "ConvNet": "neurenix.meta.Conv4",
    "EpisodicBatchSampler": "neurenix.meta.TaskSampler",
    "FewShotClassifier": "neurenix.meta.Classifier, or as an estimator of scikit-learn "
    "meta.sklearn.FewShotClassifier",
    "MAMLpp": "neurenix.meta.MAMLPlusPlus",
    "MatchingNet": "neurenix.meta.MatchingNetworks",
    "MetaDataset": "neurenix.meta.TaskSampler, of a data set in neurenix.meta.datasets",
    "MLFlowLogger": "a Callback of a few lines: examples/mlflow_logger.py",
    "ModelCheckpoint": "neurenix.meta.KeepBest for the best epoch's weights, "
    "meta_learn(checkpoint=folder) to go on later",
    "ProtoNet": "neurenix.meta.PrototypicalNetworks",
    "ProtoNets": "neurenix.meta.PrototypicalNetworks",
    "RelationNetwork": "neurenix.meta.PrototypicalNetworks or MatchingNetworks",
    "SimpleShot": "neurenix.meta.Classifier(..., centre=..., normalize=True)",
    "TaskDataset": "neurenix.meta.TaskSampler",
    "WandbLogger": "a Callback of a few lines: examples/wandb_logger.py",
    "evaluate": "learner.evaluate(tasks)",
    "adapt": "learner.adapt_to_task(x, y)",
    "ImageClassifier": "neurenix.meta.Classifier",
    "list_models": "neurenix.meta.pretrained_names",
    "benchmarks": "neurenix.meta.datasets and neurenix.meta.recipes",
    "train": "learner.meta_learn(tasks)",
}

_public_door(__name__)

if not TYPE_CHECKING:  # to a type checker every name would exist
    __getattr__ = _missing.of_module(__name__, _ELSEWHERE)
