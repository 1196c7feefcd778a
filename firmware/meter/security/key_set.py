"""The keys of one meter in RAM: what stays of them when meter.security.keys has gone."""

FIELDS = "reader utility maker evidence storage utility_public maker_public group"


class Keys:
    """generation   1 and up; each rotation adds one
    reader utility maker    32 bytes each, of the roles
    evidence storage        32 bytes each
    utility_public maker_public   P-256 points, x || y, 64 bytes each
    group   ASCII name, at most 16 characters, "" = none
    """

    def __init__(self, generation, *fields):
        self.generation = generation
        for name, value in zip(FIELDS.split(), fields):
            setattr(self, name, value)
