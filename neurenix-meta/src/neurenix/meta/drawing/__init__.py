"""Pictures and tables of results; matplotlib and pandas are imported on use."""
