"""inv TASK does what legion-ci TASK does; add your own tasks above the last line."""

from legion_ci.tasks import namespace

ns = namespace(__name__)
