"""Databases, as the sources and sinks use them: sessions of DB-API connections that are made elsewhere."""
