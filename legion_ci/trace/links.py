"""What is known of each model: from the runs of this repository, and from what is installed on the site."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
import yaml

from legion_ci import runs
from legion_ci.core.errors import LegionError
from legion_ci.deploy import installed
from legion_ci.gateway import routes
from legion_ci.results import DeployResult, ModelRef, PackageResult, Provenance, TrainResult
from legion_ci.settings.load import Loaded
from legion_ci.store.manifest import MANIFEST

LEAST = 6  # letters of a digest, commit or run id that name it


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """One model from its data to who gets it. share: of live traffic now, 0..1; None: not deployed."""

    model: ModelRef
    provenance: Provenance = Provenance()
    runs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    deployment: str = ""
    share: float | None = None

    def names(self) -> Iterator[tuple[str, str]]:
        """Everything that it can be found by: (what it is, its name)."""
        m, p = self.model, self.provenance
        yield "artefact", m.artefact.digest
        yield "MLflow run", m.run_id
        yield "commit", p.commit if p.commit != "no commit" else ""
        yield "build", p.build
        yield "code", p.code
        yield "deployment", self.deployment
        yield "version", f"{m.name} {m.version}"
        yield from (("run", run) for run in self.runs)
        yield from (("package", digest) for digest in self.packages)
        yield from ((f"data {name}", digest) for name, digest in sorted(p.data.items()))


def chains(loaded: Loaded) -> tuple[Chain, ...]:
    """Every model that this repository's runs or its site know, oldest version first."""
    found: dict[str, Chain] = {}
    for run in runs.existing(loaded.folder):
        _add_run(found, run)
    for chain in _installed(loaded):
        known = found.get(chain.model.artefact.digest)
        kept = msgspec.structs.replace(known, deployment=chain.deployment) if known else chain
        found[chain.model.artefact.digest] = kept
    now = routes.read(loaded.site)
    shares = {a.deployment: now.share(a.deployment) for a in now.arms}
    return tuple(msgspec.structs.replace(c, share=shares.get(c.deployment)) for c in found.values())


def matching(known: Iterable[Chain], word: str) -> list[tuple[Chain, str]]:
    """The chains that ``word`` names, each with what it is in it: a whole name, or the start of a digest or id."""
    found = []
    for chain in known:
        what = next((kind for kind, name in chain.names() if _is(name, word)), None)
        if what:
            found.append((chain, what))
    return found


def _is(name: str, word: str) -> bool:
    return bool(name) and (name == word or (len(word) >= LEAST and name.startswith(word)))


def _add_run(found: dict[str, Chain], run: runs.Run) -> None:
    trained = _result(run, "train")
    if not isinstance(trained, TrainResult):
        return
    digest = trained.model.artefact.digest
    chain = found.get(digest) or Chain(model=trained.model, provenance=trained.provenance)
    package, deployed = _result(run, "package"), _result(run, "deploy")
    packages = (package.package.digest,) if isinstance(package, PackageResult) else ()
    found[digest] = msgspec.structs.replace(
        chain,
        runs=(*chain.runs, run.id),
        packages=tuple(dict.fromkeys((*chain.packages, *packages))),
        deployment=deployed.deployment if isinstance(deployed, DeployResult) else chain.deployment,
    )


def _result(run: runs.Run, stage: str) -> object:
    try:
        return run.result(stage)
    except (LegionError, msgspec.ValidationError, msgspec.DecodeError):
        return None  # a record that cannot be read breaks no other chain


def _installed(loaded: Loaded) -> Iterator[Chain]:
    root = loaded.site.deployments
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        try:
            wanted = installed.read(loaded.site, folder.name)
            manifest = yaml.safe_load((folder / installed.ARTEFACT / MANIFEST).read_text()) or {}
        except (LegionError, OSError, yaml.YAMLError):
            continue
        yield Chain(model=wanted.model, deployment=wanted.deployment, provenance=_origin(manifest.get("legion") or {}))


def _origin(told: dict[str, dict[str, object]]) -> Provenance:
    """Provenance as the artefact's manifest keeps it."""
    digests, build = told.get("digests") or {}, told.get("build") or {}
    return Provenance(
        commit=str(build.get("commit") or "no commit"),
        dirty=bool(build.get("dirty")),
        build=str(build.get("build") or ""),
        code=str(digests.get("code") or ""),
        data={k.removeprefix("data."): str(v) for k, v in digests.items() if k.startswith("data.")},
    )
