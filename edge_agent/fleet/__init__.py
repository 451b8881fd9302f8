"""The operator's side: keys, publish, collect, report."""
