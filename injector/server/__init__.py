"""The webhook server: AdmissionReviews over HTTPS, and what operators look at."""
