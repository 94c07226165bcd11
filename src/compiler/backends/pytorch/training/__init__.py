"""What train.py is made of: settings, shards of batches, ranks, steps, checkpoints. Needs torch and safetensors."""
