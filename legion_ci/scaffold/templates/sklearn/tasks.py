"""The stages as invoke tasks (``inv pipeline``); tasks of your own go below."""

from legion_ci.tasks import namespace

ns = namespace(__name__)
