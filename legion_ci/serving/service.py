"""A model that is ready to be asked: its queue, its protocols, its description."""

from __future__ import annotations

from dataclasses import dataclass

from legion_ci.serving import openapi
from legion_ci.serving.batcher import Batcher
from legion_ci.serving.call import Desk
from legion_ci.serving.intake import Intake
from legion_ci.serving.predictions import encode
from legion_ci.serving.protocols import Protocols
from legion_ci.serving.v2 import Inference


@dataclass(frozen=True)
class Service:
    """What the application asks. info: the OpenAPI document."""

    batcher: Batcher
    intake: Intake
    protocols: Protocols
    inference: Inference
    info: bytes


def service_of(batcher: Batcher, protocols: Protocols, desk: Desk, document: openapi.Document) -> Service:
    """A service whose description is written once."""
    inference = Inference(desk.who, protocols, document.inputs, document.outputs)
    info = encode(openapi.describe(desk.who.model_name, desk.who.model_version, document))
    return Service(batcher, Intake(batcher), protocols, inference, info)
