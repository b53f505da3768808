"""Pictures of visits outside the graph: PUT and GET /pictures/{id}, at signed addresses."""
