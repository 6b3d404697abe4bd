"""What was trained, how, on what and with which figures: a SQLite file that MLflow opens too."""
