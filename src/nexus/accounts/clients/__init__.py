"""Machines that act for an organization: their keys, scopes, quota and registered documents.

Nouns: ApiClient, ClientKey, ClientDocument. ApiClient: pending → active ⇄ suspended → revoked
(from any). A client signs in by OAuth 2.0 client credentials and acts through a service account of
its organization; two keys may be live at once, so that one is replaced without a pause.
"""
