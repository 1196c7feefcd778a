"""Communications run here; without any, the console stays free and the meter counts on."""
