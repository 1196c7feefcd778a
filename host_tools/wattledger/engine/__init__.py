"""Bills of loads without a meter: whole years in columns of integers, one meter or thousands.

`timeline` asks the tariff's own calendar which rate is in force when, `registers` reads what
the meter's registers would show at each border, and the rest makes of that what meter.billing
bills. Nothing here knows a price.
"""
