"""genrelab: experiments in music genre classification.

The names exported here are the public interface: plugins need nothing else. Those that need torch or numpy are
loaded when first used, so that `import genrelab` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from genrelab.components import (
    SUBSETS,
    Augmentation,
    Collection,
    Dataset,
    Executor,
    Feature,
    LearningRate,
    Model,
    Reporter,
    Scheduler,
    Steps,
    Track,
    TrialExecutor,
)
from genrelab.data.find import AUDIO_EXTENSIONS, audio_files
from genrelab.errors import GenrelabError, InputError, WorkError
from genrelab.events import (
    Compared,
    DashboardStart,
    EpochEnd,
    Exploration,
    Picture,
    StudyEnd,
    StudyStart,
    TrialEnd,
    TrialRef,
    TrialStart,
)
from genrelab.hookspecs import hookimpl
from genrelab.interrupts import starting_process
from genrelab.jobs import Job, JobEnd
from genrelab.params import one_of, setting, tunable

if TYPE_CHECKING:
    from genrelab.use.classifier import Classifier, load

__version__ = "0.1.0"

_LAZY = {
    "Classifier": "genrelab.use.classifier",
    "load": "genrelab.use.classifier",
    "read_mono": "genrelab.data.audio",
    "job_inputs": "genrelab.training.needs",
    "run_job": "genrelab.training.job",
}

__all__ = [
    "AUDIO_EXTENSIONS",
    "SUBSETS",
    "Augmentation",
    "Classifier",
    "Collection",
    "Compared",
    "DashboardStart",
    "Dataset",
    "EpochEnd",
    "Executor",
    "Exploration",
    "Feature",
    "GenrelabError",
    "InputError",
    "Job",
    "JobEnd",
    "LearningRate",
    "Model",
    "Picture",
    "Reporter",
    "Scheduler",
    "Steps",
    "StudyEnd",
    "StudyStart",
    "Track",
    "TrialEnd",
    "TrialExecutor",
    "TrialRef",
    "TrialStart",
    "WorkError",
    "audio_files",
    "hookimpl",
    "job_inputs",
    "load",
    "one_of",
    "read_mono",
    "run_job",
    "setting",
    "starting_process",
    "tunable",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'genrelab' has no attribute {name!r}")
