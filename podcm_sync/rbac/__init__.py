"""The permissions that podcm-sync needs: one table, and the Roles made from it."""
