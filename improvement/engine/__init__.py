"""The improvement engine in plain Python: manifests, patches, screening, statistics, evidence, ask and tell."""
