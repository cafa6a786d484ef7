"""The same jobs as Job DSL and as Configuration-as-Code, for those who keep Jenkins in files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import yaml

from legion_ci.jenkins import config_xml
from legion_ci.jenkins.script import groovy, promotion_look
from legion_ci.jenkins.wanted import Job
from legion_ci.settings.schema import ParameterSettings

DSL, CASC = "legion_jobs.groovy", "legion-jobs.casc.yaml"
_HEAD = "// Written by legion-ci jenkins.job --write; change legion.yaml and write it again.\n"


def files(jobs: Sequence[Job]) -> dict[str, str]:
    """File name and content: a Job DSL script, Configuration-as-Code that runs it, and config.xml of each job."""
    script = dsl(jobs)
    xml = {f"{job.name}.config.xml": config_xml.render(job) for job in jobs}
    return {DSL: script, CASC: casc(script), **xml}


def dsl(jobs: Sequence[Job]) -> str:
    """The script for a seed job."""
    return _HEAD + "\n".join([*(f"folder({groovy(f)})\n" for f in folders(jobs)), *map(_job, jobs)])


def casc(script: str) -> str:
    """Configuration-as-Code with the script inside (plug-ins configuration-as-code and job-dsl)."""
    yaml.SafeDumper.add_representer(_Block, _as_block)
    return "# Written by legion-ci jenkins.job --write.\n" + yaml.safe_dump(
        {"jobs": [{"script": _Block(script)}]}, width=1000
    )


def folders(jobs: Iterable[Job]) -> list[str]:
    """Every folder that is needed, parents first."""
    found: dict[str, None] = {}
    for job in jobs:
        parts = job.name.split("/")[:-1]
        found |= dict.fromkeys("/".join(parts[: i + 1]) for i in range(len(parts)))
    return list(found)


class _Block(str):
    """A text that is written as it is."""


def _as_block(dumper: yaml.SafeDumper, text: _Block) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|")


def _job(job: Job) -> str:
    return _multibranch(job) if job.kind == "multibranch" else _pipeline(job)


def _multibranch(job: Job) -> str:
    settings = job.settings
    return f"""multibranchPipelineJob({groovy(job.name)}) {{
    description({groovy(job.description)})
    branchSources {{
        branchSource {{
            source {{
                git {{
                    id({groovy(f"legion-ci-{job.name}")})
                    remote({groovy(job.repository)}){_line(20, "credentialsId", settings.credentials)}
                    traits {{
                        gitBranchDiscovery()
                    }}
                }}
            }}
        }}
    }}
    factory {{
        workflowBranchProjectFactory {{
            scriptPath({groovy(job.script)})
        }}
    }}
    orphanedItemStrategy {{
        discardOldItems {{
            numToKeep({settings.keep_builds})
        }}
    }}
    triggers {{
        periodicFolderTrigger {{
            interval({groovy(f"{max(1, round(settings.poll / 60))}m")})
        }}
    }}
}}
"""


def _line(indent: int, method: str, value: str | None) -> str:
    return f"\n{' ' * indent}{method}({groovy(value)})" if value else ""


def _pipeline(job: Job) -> str:
    body = _inline(job) if job.kind == "look" else _from_scm(job)
    return f"""pipelineJob({groovy(job.name)}) {{
    description({groovy(job.description)})
    properties {{
        disableConcurrentBuilds()
        buildDiscarder {{
            strategy {{
                logRotator {{
                    daysToKeepStr('')
                    numToKeepStr({groovy(str(job.settings.keep_builds))})
                    artifactDaysToKeepStr('')
                    artifactNumToKeepStr('')
                }}
            }}
        }}{_cron(job.cron)}
    }}{_parameters(job.parameters)}
    definition {{
{body}
    }}
}}
"""


def _cron(cron: str | None) -> str:
    if not cron:
        return ""
    return f"\n        pipelineTriggers {{\n            triggers {{\n                cron {{ spec({groovy(cron)}) }}\n            }}\n        }}"


def _parameters(parameters: Sequence[ParameterSettings]) -> str:
    lines = "".join(f"\n        {_parameter(p)}" for p in parameters)
    return f"\n    parameters {{{lines}\n    }}" if lines else ""


def _parameter(wanted: ParameterSettings) -> str:
    if wanted.choices:
        ordered = sorted(wanted.choices, key=lambda c: c != wanted.default)
        return f"choiceParam({groovy(wanted.name)}, [{', '.join(map(groovy, ordered))}], {groovy(wanted.description)})"
    if isinstance(wanted.default, bool):
        return f"booleanParam({groovy(wanted.name)}, {str(wanted.default).lower()}, {groovy(wanted.description)})"
    return f"stringParam({groovy(wanted.name)}, {groovy(wanted.default)}, {groovy(wanted.description)})"


def _from_scm(job: Job) -> str:
    return f"""        cpsScm {{
            scm {{
                git {{
                    remote {{
                        url({groovy(job.repository)}){_line(24, "credentials", job.settings.credentials)}
                    }}
                    branch({groovy(f"*/{job.settings.branch}")})
                }}
            }}
            scriptPath({groovy(job.script)})
            lightweight(true)
        }}"""


def _inline(job: Job) -> str:
    return f"        cps {{\n            script({groovy(promotion_look(job))})\n            sandbox(true)\n        }}"
