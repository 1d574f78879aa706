"""Secret-shared arrays of 64-bit words modulo 2^61 − 1: kernels in numba, protocols on numbered messages.

kernels → field → stream → wire → sharing → prss → product → refresh, lanes, sign, masked → permute, shuffle, sort
"""
