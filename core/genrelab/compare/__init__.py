"""Compare candidates: scores with intervals, tests of every pair, calibration and cost, from run directories."""
