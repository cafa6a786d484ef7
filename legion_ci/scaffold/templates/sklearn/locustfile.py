"""The load: what users do to the model. Without this file sample rows are replayed, one a request."""

from locust import task

from legion_ci.perf.user import InvokeUser, ModelUser


class Caller(InvokeUser):
    """Asks the model, one row a request. The rate is that of legion.yaml (perf.rate), whatever the model does."""

    weight = 99


class Monitor(ModelUser):
    """Looks now and then whether the model is up."""

    weight = 1

    @task
    def healthcheck(self) -> None:
        """GET the health check."""
        self.client.get("/healthcheck")
