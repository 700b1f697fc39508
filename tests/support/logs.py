"""What the tools' own libraries read back of a run's log: each epoch's values, and what else there is."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Found:
    """Values by name and epoch, every one in the order in which it was read; doubled ones twice."""

    values: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    pictures: set[str] = field(default_factory=set)

    def add(self, name: str, epoch: int, value: float) -> None:
        self.values.setdefault(name, []).append((epoch, value))


def tensorboard(run: Path) -> Found:
    """All events of all files, without the purge that would hide doubled ones."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    reader = EventAccumulator(str(run / "tensorboard"), {"scalars": 0, "images": 0}, purge_orphaned_data=False).Reload()
    found = Found(pictures=set(reader.Tags()["images"]))
    for name in reader.Tags()["scalars"]:
        for event in reader.Scalars(name):
            found.add(name, event.step, event.value)
    for content in reader.PluginTagToContent("hparams").values():
        info = HParamsPluginData.FromString(content).session_start_info
        found.options = {name: getattr(value, value.WhichOneof("kind")) for name, value in info.hparams.items()}
    return found


def mlflow(run: Path) -> Found:
    """The one run of the store in the folder."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{(run / 'mlflow' / 'mlflow.db').absolute()}")
    (one,) = client.search_runs([client.get_experiment_by_name("minidecomp").experiment_id])
    found = Found(options=one.data.params | {"status": one.info.status} | one.data.tags)
    found.pictures = {Path(each.path).stem for each in client.list_artifacts(one.info.run_id, "figures")}
    for name in one.data.metrics:
        for metric in client.get_metric_history(one.info.run_id, name):
            found.add(name, metric.step, metric.value)
    return found


def wandb(run: Path) -> Found:
    """The one offline run, by `wandb leet inspect`, which reads its file."""
    (file,) = run.glob("wandb/offline-run-*/*.wandb")
    program = Path(sys.executable).with_name("wandb")
    done = subprocess.run([program, "leet", "inspect", "--json", file], capture_output=True, text=True, check=True)
    found, ends = Found(), {}
    for line in done.stdout.splitlines():
        record = json.loads(line)
        kind = record["type"]
        if kind == "history":
            row, epoch = record["history"]["item"], record["history"]["step"]["num"]
            found.pictures |= {name.removesuffix("._type") for name in row if name.endswith("._type")}
            for name, value in row.items():
                if not name.startswith("_") and name.split(".")[0] not in found.pictures:
                    found.add(name, epoch, value)
        elif kind == "summary":
            update = record["summary"]["update"]
            ends |= {name: value for name, value in update.items() if name.startswith(("test.", "train."))}
        elif kind in ("run", "config"):
            found.options |= record[kind].get("config", record[kind]).get("update", {})
        elif kind == "exit":
            found.options["exit_code"] = record["exit"]["exit_code"]
    for name, value in ends.items():
        found.add(name, found.values["objective"][-1][0], value)
    return found


READERS = {"tensorboard": tensorboard, "mlflow": mlflow, "wandb": wandb}
