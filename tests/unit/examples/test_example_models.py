"""The examples' training functions, on small data."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from example_modules import load

flight_model = load("flight-delay/model.py")
wine_model = load("wine/model.py")


@pytest.fixture
def flights():
    random = np.random.default_rng(1)
    carrier = random.choice(["AA", "B6", "UA"], 600)
    distance = random.normal(1000, 300, 600)
    late = ((carrier == "B6") ^ (random.random(600) < 0.1)).astype(int)
    features = pd.DataFrame({"distance": distance, "carrier": carrier, "origin": "JFK"})
    return SimpleNamespace(features=features, target=pd.Series(late, name="late"))


def test_the_flight_model_learns_from_a_category(flights):
    model = flight_model.train({"train": flights}, {"max_iter": 30})
    probability = model.predict_proba(flights.features)[:, 1]
    assert probability[flights.features.carrier == "B6"].mean() > 0.7
    assert probability[flights.features.carrier != "B6"].mean() < 0.3


def test_parameters_of_legion_yaml_go_over_the_defaults(flights):
    model = flight_model.train({"train": flights}, {"max_iter": 7, "max_leaf_nodes": 5})
    boosting = model.steps[-1][1]
    assert (boosting.max_iter, boosting.max_leaf_nodes, boosting.learning_rate) == (7, 5, 0.05)


def test_training_twice_gives_the_same_model(flights):
    first, second = (flight_model.train({"train": flights}, {"max_iter": 10}) for _ in range(2))
    assert (first.predict_proba(flights.features) == second.predict_proba(flights.features)).all()


def test_a_category_that_was_not_seen_gets_an_answer(flights):
    model = flight_model.train({"train": flights}, {"max_iter": 10})
    answer = model.predict_proba(flights.features.head(1).assign(carrier="ZZ", origin="XXX"))
    assert 0 < answer[0, 1] < 1


def test_the_columns_may_come_in_any_order(flights):
    model = flight_model.train({"train": flights}, {"max_iter": 10})
    backwards = flights.features[flights.features.columns[::-1]]
    assert (model.predict_proba(backwards) == model.predict_proba(flights.features)).all()


def test_the_wine_model_knows_the_wines_that_it_has_not_seen(tmp_path, monkeypatch):
    prepare = load("wine/prepare_data.py")
    monkeypatch.setattr("sys.argv", ["prepare_data.py", "--target", str(tmp_path)])
    prepare.main()
    train, judge = (pd.read_csv(tmp_path / f"{n}.csv") for n in ("train", "eval"))
    part = SimpleNamespace(features=train.drop(columns="cultivar"), target=train["cultivar"])
    model = wine_model.train({"train": part}, {"C": 1.0})
    accuracy = (model.predict(judge.drop(columns="cultivar")) == judge["cultivar"]).mean()
    assert len(train) + len(judge) == 178
    assert accuracy > 0.9
