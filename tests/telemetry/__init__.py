"""What people see of a node."""
