"""Identity: texts that are equal for what gives equal results, in every process."""
