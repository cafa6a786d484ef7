import numpy as np
import pytest
from sklearn import metrics as sk

from legion_ci.quality import ranking


@pytest.fixture
def queries():
    rng = np.random.default_rng(4)
    return rng.integers(0, 4, 600).astype(float), np.round(rng.normal(size=600), 1), rng.integers(0, 40, 600)


@pytest.mark.parametrize("k", [None, 3])
def test_ndcg_of_each_query_is_scikit_learns_ties_included(queries, k):
    relevance, scores, query = queries
    found = ranking.by_query("ndcg", relevance, scores, query, k)
    wanted = [sk.ndcg_score([relevance[query == q]], [scores[query == q]], k=k) for q in np.unique(query)]
    assert found == pytest.approx(np.array(wanted))


def test_the_mean_of_average_precisions_is_scikit_learns_where_scores_differ(queries):
    relevance, _, query = queries
    scores = np.random.default_rng(5).normal(size=600)
    found = ranking.by_query("map", relevance, scores, query, None)
    wanted = [sk.average_precision_score(relevance[query == q] > 0, scores[query == q]) for q in np.unique(query)]
    assert found == pytest.approx(np.array(wanted))


def test_the_reciprocal_rank_is_that_of_the_first_relevant_row():
    relevance, scores = np.array([0, 1.0, 1, 0, 0]), np.array([3.0, 2, 1, 1, 0])
    assert ranking.by_query("mrr", relevance, scores, np.array([0, 0, 0, 1, 1]), None).tolist() == [0.5, 0.0]
    assert ranking.by_query("mrr", relevance, scores, np.array([0, 0, 0, 1, 1]), 1).tolist() == [0.0, 0.0]
