"""Webhooks: changes pushed to an organization's own server, by Standard Webhooks.

Nouns: WebhookEndpoint (whose account, where to, which kinds), WebhookSecret (what signs),
WebhookDelivery (one change on its way to one endpoint; `deliveries/`), FeedCursor (how far the
feed has been turned into deliveries).

    active ⇄ paused → closed        an endpoint; it sends once it has its first secret

A payload holds ids and codes only, and only of what the endpoint's account may know when it goes
out. Delivery is at least once, in order for each object.
"""
