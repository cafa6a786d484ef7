"""Behind the tasks: loads the configuration, calls one function, prints its outcome, and maps it to an exit code."""

from __future__ import annotations

import contextlib
import importlib
import json as jsonlib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, cast

from legion_ci import aliases, runs
from legion_ci import pipeline as stages
from legion_ci.context import Context
from legion_ci.core.errors import EXTRA_OF, ConfigurationError, LegionError, missing_package
from legion_ci.core.secrets import Secrets
from legion_ci.core.shell import Shell
from legion_ci.core.tools import Tools
from legion_ci.facts import exit_code
from legion_ci.results import StageResult, Verdict, decode_result
from legion_ci.settings.load import FILE, Loaded, load
from legion_ci.settings.schema import STAGES

BUG, INTERRUPTED, TERMINATED = 70, 130, 143


class Terminated(BaseException):
    """Somebody ended us with TERM: everything of ours is put in order first."""


def enter(function: str, options: dict[str, Any]) -> int:
    """Call one of the functions below, or ``module:function`` of another; errors become their exit codes.

    They are printed without traceback unless ``options`` say verbose.
    """
    verbose = options.pop("verbose", False)
    signal.signal(signal.SIGTERM, _terminate)
    secrets = Secrets()
    try:
        return int(_found(function)(Tools(secrets=secrets, shell=Shell(secrets)), **options))
    except BrokenPipeError:  # whoever read our output has gone: nothing more to say to them
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return TERMINATED
    except (Exception, KeyboardInterrupt, Terminated) as error:
        if verbose:
            print(secrets.redact(traceback.format_exc()), file=sys.stderr)
        code, told = _told(error)
        print(secrets.redact(told), file=sys.stderr)
        return code


def _found(function: str) -> Callable[..., int]:
    module, _, name = function.rpartition(":")
    if module:
        return cast("Callable[..., int]", getattr(importlib.import_module(f"legion_ci.{module}"), name))
    return cast("Callable[..., int]", globals()[f"_{name}"])


def _told(error: BaseException) -> tuple[int, str]:
    """The exit code of an error, and what people are told."""
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] in EXTRA_OF:
        error = missing_package(error)
    if isinstance(error, LegionError):
        return error.exit_code, str(error)
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, "interrupted; run the task again to go on"
    if isinstance(error, Terminated):
        return TERMINATED, "terminated; run the task again to go on"
    what = f"{type(error).__name__}: {error}"
    return BUG, f"a bug in legion-ci: {what}; --verbose shows where, please report it"


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def _load(settings: str, sets: Sequence[str]) -> Loaded:
    return load(Path(settings or FILE), sets)


def _stage(
    tools: Tools, name: str, settings: str, sets: Sequence[str], run: str, first: bool = False, once: bool = False
) -> int:
    loaded = _load(settings, sets)
    chosen = runs.choose(loaded.folder, run, fresh=name == "train")
    print(f"run {chosen.id}", flush=True)
    with chosen.writing() as dead:
        _say_dead(tools, dead)
        chosen.reopen()
        context = Context(loaded, chosen, tools, first, once)
        result = _execute(stages.stage_named(name), context)
        _close(context, name, result)
    return exit_code(result)


def _pipeline(tools: Tools, settings: str, sets: Sequence[str], run: str, first: bool = False) -> int:
    loaded = _load(settings, sets)
    _refuse_hopeless(loaded)
    chosen = runs.choose(loaded.folder, run, fresh=True)
    print(f"run {chosen.id}", flush=True)
    with chosen.writing() as dead:
        _say_dead(tools, dead)
        context = Context(loaded, chosen, tools, first)
        try:
            result = _all_stages(context)
        except BaseException:
            with contextlib.suppress(Exception):  # what stopped the pipeline is told, not what kept its report
                _write_report(tools, context)
            raise
        _write_report(tools, context)
    return exit_code(result)


def _all_stages(context: Context) -> StageResult:
    """Run the stages in order; the result that the pipeline ends with: the first FAIL, else promote's."""
    for stage in stages.PIPELINE:
        result = _execute(stage, context)
        _close(context, stage.name, result)
        if result.verdict is Verdict.FAIL:
            break
    return result


def _execute(stage: stages.Stage, context: Context) -> StageResult:
    record = stages.execute(stage, context)
    result = decode_result(stage.name, record)
    told = "unchanged" if record.skipped else f"{record.seconds:.1f} s"
    print(f"{stage.name + ' ':9}{result.verdict:13} {told:>10}  {result.summary}", flush=True)
    if result.verdict is not Verdict.PASS:
        print(
            f"{'':9}{result.reason}{': ' if result.reason and result.more_data else ''}{result.more_data}", flush=True
        )
    return result


def _close(context: Context, name: str, result: StageResult) -> None:
    if name not in STAGES:
        return  # a study decides nothing about the run
    if name == "promote":
        from legion_ci.schedule import waiting

        waiting.note(context.site, context.run, result)
    if result.verdict is Verdict.FAIL or (name == "promote" and result.verdict is Verdict.PASS):
        context.run.finish(f"{name} {result.verdict}")


def _say_dead(tools: Tools, dead: str) -> None:
    if dead:
        tools.progress.say(f"taking over from a writer that died ({dead})")


def _write_report(tools: Tools, context: Context) -> None:
    from legion_ci.report import promoted
    from legion_ci.report import stage as report

    memory = context.loaded.main_site.path / promoted.FILE
    page = report.write(
        context.run.folder, context.run.folder / "report", title=context.settings.report.title, memory=memory
    )
    print(f"report   {_shown(page)}", flush=True)


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _report(tools: Tools, settings: str, sets: Sequence[str], run: str) -> int:
    loaded = _load(settings, sets)
    _write_report(tools, Context(loaded, runs.choose(loaded.folder, run, fresh=False), tools))
    return 0


def _refuse_hopeless(loaded: Loaded) -> None:
    """Raise for what could never pass, a load test or a package that is not deployable: before hours of training."""
    _refuse_unfit(loaded)
    try:
        from legion_ci.perf.question import ask
    except ImportError:
        return  # without the extra `perf` the stage itself says what to install
    ask(loaded.settings.perf, loaded.folder)


def _refuse_unfit(loaded: Loaded) -> None:
    package, deploy = loaded.settings.package, loaded.settings.deploy
    if package.makes != deploy.takes:
        raise ConfigurationError(
            f"{deploy.use} runs a {deploy.takes}, and package: {package.use} makes a {package.makes}",
            where=deploy.origin or "deploy",
            todo="with deploy: docker goes package: {use: docker-rest}, with local goes bundle",
        )


def _plan(tools: Tools, settings: str, sets: Sequence[str], json: bool) -> int:
    from legion_ci.settings import plan

    loaded = _load(settings, sets)
    rows = plan.rows(loaded)
    print(jsonlib.dumps([r.__dict__ for r in rows], indent=2, default=str) if json else plan.text(rows))
    _refuse_hopeless(loaded)
    return 0


def _init(tools: Tools, folder: str, name: str, template: str, interactive: bool, force: bool) -> int:
    from legion_ci.scaffold import stage as scaffold

    target = Path(folder or name or ".")
    made = scaffold.create(
        target,
        name=name or target.resolve().name,
        template=template,
        answers=None,
        interactive=interactive,
        force=force,
    )
    print("\n".join(_shown(p) for p in made))
    print(f"\nnext: cd {target}, then see README.md there")
    return 0


def _status(tools: Tools, settings: str, sets: Sequence[str], json: bool) -> int:
    import msgspec

    from legion_ci.deploy import site_tasks

    found = site_tasks.status(_load(settings, sets).site)
    print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() if json else found.text())
    return 0


def _up(tools: Tools, settings: str, sets: Sequence[str]) -> int:
    from legion_ci.deploy import site_tasks

    print(site_tasks.up(_load(settings, sets).site, tools).text())
    return 0


def _compose(tools: Tools, settings: str, sets: Sequence[str], output: str) -> int:
    from legion_ci.core.files import write_atomic
    from legion_ci.deploy import site_tasks

    text = site_tasks.compose(_load(settings, sets).site)
    if output:
        write_atomic(Path(output), text)
    else:
        print(text, end="")
    return 0


def _undeploy(tools: Tools, settings: str, sets: Sequence[str], deployment: str, everything: bool) -> int:
    from legion_ci.deploy import site_tasks

    if bool(deployment) == everything:
        raise ConfigurationError(
            "say what to remove", where="undeploy", todo="--deployment NAME for one, --all for everything"
        )
    loaded = _load(settings, sets)
    print(site_tasks.undeploy(loaded.site, deployment or None, tools).text())
    aliases.follow(loaded.site, loaded.settings.store, tools)
    return 0


def _rollback(tools: Tools, settings: str, sets: Sequence[str]) -> int:
    from legion_ci.promote import rollback

    loaded = _load(settings, sets)
    routes = rollback.rollback(loaded.site, tools)
    aliases.follow(loaded.site, loaded.settings.store, tools)
    print(f"champion {routes.champion} at {routes.share(routes.champion or ''):.0%}")
    return 0


def _clean(tools: Tools, settings: str, sets: Sequence[str], dry_run: bool, registry: bool) -> int:
    from legion_ci import clean

    for line in clean.clean(_load(settings, sets), dry_run=dry_run, registry=registry):
        print(line)
    return 0
