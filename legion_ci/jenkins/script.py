"""The Pipeline script of the job that looks at a waiting promotion: the last build's records, one look, the verdict."""

from __future__ import annotations

from legion_ci.jenkins.wanted import Job


def promotion_look(job: Job) -> str:
    """Takes the records of the watched job's last finished build (Copy Artifact plug-in), looks once, reports."""
    settings = job.settings
    credentials = f", credentialsId: {groovy(settings.credentials)}" if settings.credentials else ""
    config = f"settings: {groovy(job.model_folder + '/legion.yaml')}" if job.model_folder else ""
    runs = f"{job.model_folder}/.legion/runs" if job.model_folder else ".legion/runs"
    return f"""// Written by legion-ci jenkins.job; change legion.yaml instead.
@Library({groovy(settings.library)}) _
node({groovy(settings.agent)}) {{
    git(url: {groovy(job.repository)}, branch: {groovy(settings.branch)}{credentials})
    sh(script: {groovy(f"rm -rf {quote(runs)}")})
    copyArtifacts(
        projectName: {groovy(job.watched)},
        selector: lastCompleted(),
        filter: '**/.legion/runs/*/*.json, **/.legion/runs/*/facts.properties'
    )
    String run = sh(returnStdout: true, script: {groovy(f"cd {quote(runs)} && ls")}).trim()
    withEnv(['LEGION_RUN=' + run]) {{
        try {{
            legionPromote({config})
        }} finally {{
            legionReport({config})
        }}
    }}
}}
"""


def groovy(text: str | None) -> str:
    """A text as a Groovy literal in which nothing is replaced."""
    body = (text or "").replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{body}'"


def quote(word: str) -> str:
    """One word for a POSIX shell."""
    return "'" + word.replace("'", "'\\''") + "'"
