"""Recommendations: models trained on ratings, measured, published as arrays, and scored with NumPy alone."""
