"""The Pipeline script of the job that looks at a waiting promotion: one look, the verdict."""

from __future__ import annotations

from legion_ci.jenkins.wanted import Job


def promotion_look(job: Job) -> str:
    """Looks once at the promotion that waits on the site, if one does, and reports."""
    settings = job.settings
    credentials = f", credentialsId: {groovy(settings.credentials)}" if settings.credentials else ""
    config = f"settings: {groovy(job.model_folder + '/legion.yaml')}" if job.model_folder else ""
    return f"""// Written by legion-ci jenkins.job; change legion.yaml instead.
@Library({groovy(settings.library)}) _
node({groovy(settings.agent)}) {{
    git(url: {groovy(job.repository)}, branch: {groovy(settings.branch)}{credentials})
    legionLook({config})
}}
"""


def groovy(text: str | None) -> str:
    """A text as a Groovy literal in which nothing is replaced."""
    body = (text or "").replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{body}'"
