"""Removes the site of a branch: what runs there is ended first."""

from __future__ import annotations

import shutil
from pathlib import Path

from legion_ci.core.errors import ConfigurationError
from legion_ci.core.tools import Tools
from legion_ci.deploy import site_tasks
from legion_ci.settings.load import FILE, load


def remove(tools: Tools, settings: str, sets: tuple[str, ...]) -> int:
    """End what runs in the site of ``site.branch``, and remove its folder and its versions in the registry.

    Raises ConfigurationError for the main site.
    """
    loaded = load(Path(settings or FILE), sets)
    if loaded.settings.site.branch is None:
        raise ConfigurationError(
            "only the site of a branch can be removed", where="site.branch", todo="say --set site.branch=NAME"
        )
    folder = loaded.site.path
    if not folder.is_dir():
        print(f"branch {loaded.settings.site.branch} has no site")
        return 0
    site_tasks.undeploy(loaded.site, None, tools)
    if loaded.settings.store.tracking_uri:  # a store in the site goes with it
        from legion_ci.store.mlflow import Store

        Store.open(loaded.site, loaded.settings.store.tracking_uri, loaded.settings.store.experiment).unregister()
    shutil.rmtree(folder)
    print(f"removed {folder}")
    return 0
