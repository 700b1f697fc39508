"""evaluation.json: whatever is in it, the commands that read it go on without it or say one line."""

import json

import numpy as np
from hostile import budgets, command, one_line_or_success, write_hostile_json

from minidecomp.evaluation.everything import evaluated_dimension_kl
from minidecomp.evaluation.scoring import known_metrics
from minidecomp.runs import checkpoint
from minidecomp.runs.comparison import curves, read_row
from minidecomp.runs.evaluation_file import read_evaluation, update_evaluation


@budgets
def test_an_evaluation(seed, times, a_run, capsys):
    rng, path = np.random.default_rng(seed), a_run / "evaluation.json"
    good, run = json.loads(path.read_text()), checkpoint.load(a_run)
    loc = np.zeros((4, 2))
    taken = 0
    for number in range(120 * times):
        text = write_hostile_json(rng, path, good)[:300]

        def read():
            found = read_evaluation(a_run, run.state)
            known_metrics(found, "student-t")
            evaluated_dimension_kl(a_run, run.options, run.state, loc, loc + 1)
            return found

        one_line_or_success(read, text)
        row = []
        if one_line_or_success(lambda row=row: row.append(read_row(a_run)), text):
            taken += 1
            for name, value in row[0].items():
                if "." in name and value is not None:
                    one_line_or_success(lambda row=row, name=name: curves(row, name, "alpha"), (name, text))
        command(capsys, text, "table", str(a_run), "--json" if number % 2 else "--csv")
        if number % 10 == 0:
            command(capsys, text, "report", str(a_run), "--out", str(a_run / "r.html"))
            update_evaluation(a_run, run.state, {"seed": 0})
    assert taken
