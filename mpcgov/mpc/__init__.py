"""The engine: computation on secret-shared integers between at least three parties, of whom t < m/2 may be curious.

`Session` runs one job with its peers over given streams; `SecretArray` is what a protocol computes with. The only
package that imports MPyC; importing it makes MPyC safe, or fails.
"""

from mpcgov.mpc.arrays import SecretArray, concatenate, if_else
from mpcgov.mpc.config import SessionConfig
from mpcgov.mpc.session import Cost, Session

__all__ = ["Cost", "SecretArray", "Session", "SessionConfig", "concatenate", "if_else"]
