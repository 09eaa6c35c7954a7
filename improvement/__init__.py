"""The domain of Countersign: loops, evidence, reviews, releases and their audit trail."""
