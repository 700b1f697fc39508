"""MLflow: a run in the store that ``MLFLOW_TRACKING_URI`` names, by default ``RUN/mlflow/mlflow.db``.

MLflow deletes no metrics. A continued run finds its MLflow run by a tag, and adds the missing epochs.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import packages
from ..files import make_folder
from .logger import About, Epoch, Logger

URI, EXPERIMENT, TAG = "MLFLOW_TRACKING_URI", "minidecomp", "minidecomp.id"
MOST_METRICS, MOST_PARAMETERS, LONGEST_PARAMETER = 1000, 100, 500  # per call, the limits of servers
# By default MLflow reports its use over the network, and tries an unreachable server for minutes.
SETTINGS = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}


def missing() -> str | None:
    """Why MLflow cannot be used; None if it can."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    install = "minidecomp[mlflow]"
    reason = packages.missing("mlflow.tracking", install, "MLflow")
    if reason is None and URI not in os.environ:
        reason = packages.missing("sqlalchemy", install) or packages.missing("alembic", install)
    return reason


class MLflow:
    """One run of a store."""

    def __init__(self, about: About, epochs: Sequence[Epoch]):
        from mlflow.tracking import MlflowClient

        logging.getLogger("mlflow").setLevel(logging.CRITICAL)  # it prints tracebacks of the errors that it raises
        place = about.folder.absolute() / "mlflow"
        own = URI not in os.environ
        if own:
            make_folder(place)
        self._client = MlflowClient(f"sqlite:///{place.as_posix()}/mlflow.db" if own else None)
        experiment = self._experiment((place / "artifacts").as_uri() if own else None)
        found = self._client.search_runs([experiment], f"tags.`{TAG}` = '{about.id}'", max_results=1)
        run = found[0] if found else self._client.create_run(experiment, tags={TAG: about.id}, run_name=about.name)
        self._id = run.info.run_id
        self._client.update_run(self._id, status="RUNNING")
        self._set_options(about.options, run.data.params)
        # After a kill, MLflow may have more epochs than the checkpoint.
        self._recorded = {name: self._steps(name) for name in run.data.metrics}
        self.write(epochs)

    def write(self, epochs: Sequence[Epoch]) -> None:
        """Add the epochs, each with its step."""
        from mlflow.entities import Metric

        metrics = [
            Metric(name, value, int(epoch.time * 1000), epoch.number)
            for epoch in epochs
            for name, value in epoch.values.items()
            if epoch.number not in self._recorded.get(name, ())
        ]
        for first in range(0, len(metrics), MOST_METRICS):
            self._client.log_batch(self._id, metrics=metrics[first : first + MOST_METRICS])

    def end(self, epoch: int, values: Mapping[str, float], pictures: Sequence[Path]) -> None:
        """Add the numbers as metrics, unless they are there, and the pictures as artifacts in ``figures``."""
        self.write([Epoch(epoch, values, time.time())])
        for path in pictures:
            self._client.log_artifact(self._id, str(path), "figures")

    def close(self, finished: bool) -> None:
        """Set the run's status; a stopped training is KILLED, because MLflow has no better word."""
        self._client.set_terminated(self._id, "FINISHED" if finished else "KILLED")

    def _experiment(self, artifacts: str | None) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
        known = self._client.get_experiment_by_name(name)
        return str(known.experiment_id if known else self._client.create_experiment(name, artifacts))

    def _set_options(self, options: Mapping[str, Any], known: Mapping[str, str]) -> None:
        """Set the parameters, which cannot change; an option changed by a resume becomes a tag with its name."""
        from mlflow.entities import Param, RunTag

        texts = {name: str(value)[:LONGEST_PARAMETER] for name, value in options.items()}
        new = [Param(name, text) for name, text in texts.items() if name not in known]
        for first in range(0, len(new), MOST_PARAMETERS):
            self._client.log_batch(self._id, params=new[first : first + MOST_PARAMETERS])
        changed = [RunTag(name, text) for name, text in texts.items() if known.get(name, text) != text]
        self._client.log_batch(self._id, tags=changed)

    def _steps(self, name: str) -> set[int]:
        return {metric.step for metric in self._client.get_metric_history(self._id, name)}


LOGGER = Logger("mlflow", missing, MLflow)
