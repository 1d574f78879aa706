"""The engine: computation on secret-shared integers between at least three parties, of whom t < m/2 may be curious.

`Session` runs one job with its peers over given streams; `SecretArray` is what a protocol computes with. The only
package that imports MPyC; importing it makes MPyC safe, or fails.
"""

from mpcgov.mpc.arrays import SecretArray
from mpcgov.mpc.config import SessionConfig
from mpcgov.mpc.functions import (
    concatenate,
    greatest,
    if_else,
    maximum,
    median,
    minimum,
    quantile,
    sort,
    sort_rows,
)
from mpcgov.mpc.session import Cost, Session
from mpcgov.mpc.solve import Coefficients, Fit, Moments, fit, least_squares
from mpcgov.precision import Needs, fit_needs, system_needs

__all__ = [
    "Coefficients",
    "Cost",
    "Fit",
    "Moments",
    "Needs",
    "SecretArray",
    "Session",
    "SessionConfig",
    "concatenate",
    "fit",
    "fit_needs",
    "greatest",
    "if_else",
    "least_squares",
    "maximum",
    "median",
    "minimum",
    "quantile",
    "sort",
    "sort_rows",
    "system_needs",
]
