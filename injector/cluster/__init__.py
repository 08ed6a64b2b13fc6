"""What is known of the cluster: one immutable Snapshot, from the API server or from a file that stands in for it."""
