"""People, their tokens and what those may do, and the audit trail."""
