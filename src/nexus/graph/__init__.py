"""The GraphQL platform: declare, compile, execute, limit, serve. No business noun.

A slice declares types over its tables; a query becomes one SQL statement that returns finished
JSON; a mutation is one function in one transaction, its payload read through the same compiler.
"""
