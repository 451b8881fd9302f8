"""What devices report: the key that they seal to, taking sealed reports in, and what they add up to."""
