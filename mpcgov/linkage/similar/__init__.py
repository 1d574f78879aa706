"""Records of two owners compared pair by pair and linked to each other's best, without a common key: three parties."""
