"""Programs that halt and programs that do not, every label with a certificate, and the checker that verifies it."""
