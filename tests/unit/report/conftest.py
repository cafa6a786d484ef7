"""Every kind of run, written once a session with its report."""

import pytest
import report_records

from legion_ci.report import stage

RUNS = ("promoted", "first", "refused", "undecided", "extreme", "compared")


@pytest.fixture(scope="session")
def reports(tmp_path_factory):
    """Kind of run -> folder of its report."""
    made = {}
    for kind in RUNS:
        run = getattr(report_records, kind)(tmp_path_factory.mktemp(kind))
        memory = run.parent / "promoted.json"
        made[kind] = stage.write(run, run / "report", memory=memory if memory.is_file() else None).parent
    return made


@pytest.fixture(params=RUNS)
def report(request, reports):
    """The report of each kind of run in turn."""
    return reports[request.param]
