"""JSON:API 1.1: documents in and out, errors, media types, paging and links. Knows nothing of Tasks or the timeline."""
