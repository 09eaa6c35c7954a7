"""What a run's page shows below its chart, each only where it makes sense for the run."""
