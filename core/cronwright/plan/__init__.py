"""Plans: the Kubernetes objects that a Task becomes, and the order in which they are written."""
