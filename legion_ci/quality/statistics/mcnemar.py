"""Exact one-sided tests on discordant pairs: McNemar's against no difference, and one against a margin.

Against a margin the share of discordant pairs is a nuisance; it is bounded first and the error of that bound added:
R. L. Berger and D. D. Boos, P values maximized over a confidence set for the nuisance parameter, JASA 89 (1994).
"""

from __future__ import annotations

import math

from scipy import stats

_GAMMA = 1e-5  # error spent on the share of discordant pairs


def p_loss(gained: int, lost: int, n: int, margin: float = 0.0) -> float:
    """p of the hypothesis that the loss (lost − gained)/n is at most ``margin``; exact at every n, never too small."""
    discordant = gained + lost
    if lost == 0:
        return 1.0
    if margin <= 0:
        return float(stats.binom.sf(lost - 1, discordant, 0.5))
    least = float(stats.beta.ppf(_GAMMA, discordant, n - discordant + 1))
    share = min(1.0, (1 + margin / least) / 2) if least > margin else 1.0
    return min(1.0, float(stats.binom.sf(lost - 1, discordant, share)) + _GAMMA)


def p_gain(gained: int, lost: int) -> float:
    """p of the hypothesis that nothing was gained (McNemar's exact test, one-sided)."""
    return p_loss(lost, gained, gained + lost)


def fewest(level: float) -> int:
    """Discordant pairs that must all be losses before McNemar's exact test can reject at ``level``."""
    return math.ceil(math.log(level) / math.log(0.5))
