import pytest
import torch
from attacked_networks import Small
from sklearn.datasets import load_digits
from torch.nn import functional as F


@pytest.fixture(scope="session")
def digits():
    """A small network trained on scikit-learn's digits, and 100 of their images that it knows."""
    read = load_digits()
    images = torch.tensor(read.images / 16, dtype=torch.float32)[:, None]
    labels = torch.tensor(read.target)
    network = Small()
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    generator = torch.Generator().manual_seed(0)
    for _ in range(150):
        batch = torch.randint(0, 1500, (64,), generator=generator)
        loss = F.cross_entropy(network(images[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    images, labels = images[1500:], labels[1500:]
    known = (network(images).argmax(dim=1) == labels).nonzero()[:100, 0]
    return network.eval(), images[known], labels[known]
