"""``legion-ci base``: makes the small base image of Debian's packages anew, and shares it."""

from __future__ import annotations

from pathlib import Path

from legion_ci.core.tools import Tools


def base(tools: Tools, push: str, output: str, load: str, credentials: str, insecure: bool) -> int:
    """Make the base image of the newest packages; push it, write it as a layout, load it. The last line names it by digest."""
    from legion_ci.oci import debian, engine, layout
    from legion_ci.oci.blobs import shared
    from legion_ci.oci.credentials import login
    from legion_ci.oci.reference import parse
    from legion_ci.oci.registry import Registry

    blobs = shared()
    reference = parse(push, "--push") if push else None
    built = debian.ensure(blobs, tools, refresh=True)
    name = f"oci:{blobs.folder}"
    if output:
        layout.write(Path(output), blobs, built.descriptor, "legion-base")
        name = f"oci:{output}"
    if load:
        engine.load(engine.connect(), blobs, built, load, tools)
    if reference:
        who = login(reference.registry, credentials or None, tools.secrets, "--credentials")
        Registry(reference, who, insecure=insecure).push(
            blobs, built.descriptor, reference.tag or debian.RELEASE, tools
        )
        name = str(reference.at(built.descriptor.digest))
    packages = built.manifest.annotations[debian.PACKAGES_NOTE].split()
    print(f"base     {built.descriptor.digest}, {built.size / 1e6:.1f} MB compressed, {len(packages)} Debian packages")
    if output or reference:
        print(f"package: {{base: '{name}'}}")
    return 0
