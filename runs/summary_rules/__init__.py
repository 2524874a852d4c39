"""What is said of a run's work by rules, which docs/summaries.md tells: risks, tests, an overview. No Django here."""
