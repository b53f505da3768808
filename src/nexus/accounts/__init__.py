"""Who may come in: accounts with one role each, sign-in, and bearer tokens.

Nouns: Account, AccessToken. Account: active ⇄ suspended → closed; a token lives until it expires
or is revoked. Sign-in of people and machines is the OAuth 2.0 client-credentials grant.
"""
