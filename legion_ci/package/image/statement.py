"""Where an image comes from, as an in-toto statement with SLSA's provenance predicate (slsa.dev/spec/v1.0/provenance)."""

from __future__ import annotations

import legion_ci
from legion_ci.core import wheel
from legion_ci.core.files import digest_file
from legion_ci.oci.document import encode
from legion_ci.package.image.bases import Base
from legion_ci.package.protocol import Job

KIND = "application/vnd.in-toto+json"
_BUILD_TYPE = "https://legion-ci/package/v1"


def write(job: Job, use: str, name: str, digest: str, bases: list[Base]) -> bytes:
    """The statement about an image. It holds no time and no machine: same inputs, same bytes."""
    said = job.trained.provenance
    materials = {
        f"legion:model/{job.model.name}@{job.model.version}": job.model.artefact.digest,
        "legion:requirements.lock": digest_file(job.lock),
        f"legion:server/{legion_ci.__version__}": wheel.digest(),
        **{f"legion:data/{data}": found for data, found in sorted(said.data.items())},
        **{f"oci:base/{base.built.platform}": base.digest.removeprefix("sha256:") for base in bases},
    }
    commit = [{"uri": "git:commit", "digest": {"gitCommit": said.commit}}] if said.commit != "no commit" else []
    return encode(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}}],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {
                "buildDefinition": {
                    "buildType": _BUILD_TYPE,
                    "externalParameters": {
                        "packager": use,
                        "trainRun": job.model.run_id,
                        "build": said.build,
                        "dirty": said.dirty,
                    },
                    "resolvedDependencies": [
                        *({"uri": uri, "digest": {"sha256": found}} for uri, found in materials.items()),
                        *commit,
                    ],
                },
                "runDetails": {"builder": {"id": f"legion-ci {legion_ci.__version__}"}},
            },
        }
    )
