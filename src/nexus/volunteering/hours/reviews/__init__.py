"""Deciding on hours: entered afterwards, confirmed, approved, disputed, corrected, revoked."""
