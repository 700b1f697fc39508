"""The options of a run: the table, how they are filled in and checked, and where they come from."""
