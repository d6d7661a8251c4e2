import pytest
import torch
from attacked_networks import Small
from sklearn.datasets import load_digits
from torch.nn import functional as F

TRAINED_ON = 1500  # of 1797 images, the first ones


@pytest.fixture(scope="session")
def all_digits():
    """A small network trained on scikit-learn's digits, and all of their images that it knows."""
    read = load_digits()
    images = torch.tensor(read.images / 16, dtype=torch.float32)[:, None]
    labels = torch.tensor(read.target)
    network = Small()
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    generator = torch.Generator().manual_seed(0)
    for _ in range(150):
        batch = torch.randint(0, TRAINED_ON, (64,), generator=generator)
        loss = F.cross_entropy(network(images[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    known = network(images).argmax(dim=1) == labels
    return network.eval(), images[known], labels[known]


@pytest.fixture(scope="session")
def digits(all_digits):
    """The same network and the last 200 of these images, on which it was not trained."""
    network, images, labels = all_digits
    return network, images[-200:], labels[-200:]
