"""What every role needs to run for months: duties, the service loop, the settlement view, the doctor."""
