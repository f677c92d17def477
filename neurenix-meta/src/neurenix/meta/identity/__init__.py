"""Identity: texts by which learners, settings and data are told apart across runs."""
