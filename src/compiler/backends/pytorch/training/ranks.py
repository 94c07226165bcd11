"""The processes of a job: who this one is, where it computes, and how numbers are summed over all."""

import os

import torch
import torch.distributed as dist


class Ranks:
    """One process alone has a group of its own, so that the code of a step is the same for one and for many."""

    def __init__(self, device="auto"):
        several = "WORLD_SIZE" in os.environ
        self.world, self.rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
        cuda = torch.cuda.is_available() if device == "auto" else device == "cuda"
        self.device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if cuda else torch.device("cpu")
        if cuda:
            torch.cuda.set_device(self.device)
        #: how often torchrun began all processes again, because one had died
        self.restarts = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", 0))
        store = dist.HashStore()
        if several:
            # torchrun's store outlives its processes, and has the addresses of those that died
            store = dist.PrefixStore(f"restart {self.restarts}", next(dist.rendezvous("env://"))[0])
        backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
        dist.init_process_group(backend, store=store, rank=self.rank, world_size=self.world)
        self.mesh = dist.init_device_mesh(self.device.type, (self.world,))
        #: checkpoints are written while steps go on, so their messages have a group of their own
        self.writers = dist.new_group(backend="gloo")

    @property
    def first(self):
        return self.rank == 0

    def sum(self, numbers):
        """Of each number over all ranks, in float64. NaN and infinities stay."""
        table = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        dist.all_reduce(table)
        return table.tolist()

    def from_first(self, value):
        """What the first rank has."""
        held = [value]
        dist.broadcast_object_list(held, src=0, group=self.writers)
        return held[0]

    def all(self, value):
        """What each rank has, in order."""
        held = [None] * self.world
        dist.all_gather_object(held, value, group=self.writers)
        return held
