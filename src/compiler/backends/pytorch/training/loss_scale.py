"""Dynamic loss scaling. Micikevicius et al. 2018, arXiv:1710.03740; the constants are torch.amp.GradScaler's."""

INITIAL, GROWTH, BACKOFF, INTERVAL = 65536.0, 2.0, 0.5, 2000


class LossScale:
    def __init__(self, setting):
        """@param setting "dynamic", or a constant"""
        self.dynamic = setting == "dynamic"
        self.scale = INITIAL if self.dynamic else float(setting)
        self.good = 0  # steps since the scale last changed

    def after(self, overflowed):
        """Halves on NaN or infinity, doubles after 2000 good steps in a row."""
        if not self.dynamic:
            return
        self.good += 1
        if overflowed:
            self.scale, self.good = self.scale * BACKOFF, 0
        elif self.good == INTERVAL:
            self.scale, self.good = self.scale * GROWTH, 0

    def state(self):
        return {"dynamic": self.dynamic, "scale": self.scale, "good": self.good}

    def load(self, state):
        self.dynamic, self.scale, self.good = state["dynamic"], float(state["scale"]), state["good"]
