"""Apache Beam, and only here."""
