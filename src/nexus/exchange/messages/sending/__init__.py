"""Messages out: made of news in its order, sent in order for each household, until acked."""
