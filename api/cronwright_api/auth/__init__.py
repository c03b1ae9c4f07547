"""Who asks, and what they may: a class per concern, each answering from Kubernetes' own word. Routes only call them."""
