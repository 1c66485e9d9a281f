"""Small natural pictures, CIFAR-10, and small networks for pictures of their size."""
