"""The pure core: from the bytes of an AdmissionReview to the bytes of its answer, without clock, files or network."""
