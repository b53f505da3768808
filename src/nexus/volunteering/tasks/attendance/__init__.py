"""Codes of sign-in and sign-out that change each minute, for the organizer's screen."""
