"""Questions to a fleet's store: one Ibis expression each, for DuckDB or Spark.

The engine adds up integers at instants that the core's calendar names; it knows no time zone,
no price and no rate. `bills` is the money of many meters at once.
"""
