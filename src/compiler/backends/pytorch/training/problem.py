"""What a person can mend: said in a line, without a traceback."""


class Problem(Exception):
    """A message with what is wrong, where, and what to do. @param code as `mdl explain` has it, where it does"""

    def __init__(self, text, code=None):
        super().__init__(text if code is None else f"{code}: {text}")
