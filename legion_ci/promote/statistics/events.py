"""The exact conditional test for rare events: whose errors are they, given the split? Valid at any count and look.

After Lindon & Malek (2022): while no arm errs more, the arm of the next erring unit is a coin with the recorded share.
The alternative is a mixture over rate ratios r = exp(g), g ~ Exp(1): with a champion that never errs it says FAIL after
10, 5 and 3 errors at shares of 50, 25 and 5 % (alpha 0.0125).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_GRID = np.linspace(0.005, 12, 2400)  # log of the rate ratio
_LOG_PRIOR = -_GRID - np.log(np.exp(-_GRID).sum())


def log_evidence(treated: NDArray[np.bool_], shares: NDArray[np.float64]) -> float:
    """Log of the e-value against 'the challenger errs no more often', after these events.

    treated: whether the erring unit was the challenger's. shares: the challenger's share when it erred.
    At most alpha of equal arms ever exceed log(1/alpha).
    """
    total = _LOG_PRIOR.copy()
    for share in np.unique(shares):
        if not 0 < share < 1:
            continue
        here = shares == share
        x, y = int(treated[here].sum()), int((~treated[here]).sum())
        odds = share * np.exp(_GRID)
        theta = odds / (odds + 1 - share)
        total += x * np.log(theta / share) + y * np.log((1 - theta) / (1 - share))
    return float(np.logaddexp.reduce(total))
