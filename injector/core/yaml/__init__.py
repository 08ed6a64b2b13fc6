"""The one YAML dialect: what sigs.k8s.io/yaml makes of a text, and texts that it reads back the same."""
