"""The one way to language models: configured addresses only, with limits, metering and no secret in what is kept."""
