"""The tasks ``token.…``; imports nothing but invoke and the standard library."""

from __future__ import annotations

from collections.abc import Sequence

from invoke.context import Context

from legion_ci.declare import SETTINGS, call, declare


@declare(
    **SETTINGS,
    subject="Who the token is for (its sub); a user stays in one arm by it.",
    role="The role in it (default: deploy.auth.role).",
    lifetime="How long it is valid, like 1h or 7d.",
    output="Write it into this file, readable by you alone, instead of printing it.",
)
def issue(
    context: Context,
    subject: str,
    settings: str = "",
    set_: Sequence[str] | None = None,
    role: str = "",
    lifetime: str = "1h",
    output: str = "",
    verbose: bool = False,
) -> None:
    """Issue a token that the site's gateway accepts, for development and CI."""
    call(
        "token.stage:issue",
        subject=subject,
        settings=settings,
        sets=set_ or (),
        role=role,
        lifetime=lifetime,
        output=output,
        verbose=verbose,
    )


@declare(**SETTINGS, rotate="Sign with a new key from now on; tokens of the newest old key stay valid.")
def keys(
    context: Context,
    settings: str = "",
    set_: Sequence[str] | None = None,
    rotate: bool = False,
    verbose: bool = False,
) -> None:
    """Print the site's public keys; also has the gateway read changed key files, without a restart."""
    call("token.stage:keys", settings=settings, sets=set_ or (), rotate=rotate, verbose=verbose)


@declare(**SETTINGS, jti="The id of a token.", subject="A subject: all tokens for it.")
def revoke(
    context: Context,
    settings: str = "",
    set_: Sequence[str] | None = None,
    jti: str = "",
    subject: str = "",
    verbose: bool = False,
) -> None:
    """Turn away a token, or everything of a subject, from now on."""
    call("token.stage:revoke", settings=settings, sets=set_ or (), jti=jti, subject=subject, verbose=verbose)
