"""Looking inside: record any layer, ask any layer as a model, and go on from any layer."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from torch import Tensor, nn


@contextmanager
def record(model: nn.Module, layers: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Collects the outputs of the named layers during the forward passes of the block.

    Args:
        model: any module.
        layers: dotted module names, as in `model.named_modules()`.

    Yields:
        A dictionary layer -> its last output, filled by each forward pass. All hooks are gone afterwards, also
        after an error.

    Raises:
        ValueError: a layer that the model does not have.

    Example:
        >>> import torch
        >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
        >>> with record(model, ["0"]) as outputs:
        ...     answer = model(torch.ones(2, 4))
        >>> outputs["0"].shape
        torch.Size([2, 3])
    """
    outputs: dict[str, Tensor] = {}

    def keep(name: str):
        def hook(module: nn.Module, inputs: tuple, output: Tensor) -> None:
            outputs[name] = output.clone()  # a following in-place layer would overwrite it

        return hook

    with ExitStack() as stack:
        for name in layers:
            stack.callback(find_layer(model, name).register_forward_hook(keep(name)).remove)
        yield outputs


def find_layer(model: nn.Module, layer: str) -> nn.Module:
    """The module of that dotted name.

    Raises:
        ValueError: the model has none; names the layers it has.
    """
    modules = dict(model.named_modules())
    if not layer or layer not in modules:
        some = [name for name in modules if name]
        listed = ", ".join(some[:30]) + (", ..." if len(some) > 30 else "")
        raise ValueError(f"layer: expected the name of a layer ({listed}), got {layer!r}")
    return modules[layer]


class LayerModel(nn.Module):
    """A model whose outputs are the units of one layer of another model; made by `as_model`."""

    def __init__(self, model: nn.Module, layer: str, average: bool) -> None:
        super().__init__()
        find_layer(model, layer)
        self.model, self.layer, self.average = model, layer, average
        self.training = model.training

    def forward(self, images: Tensor) -> Tensor:
        """[batch, 3, height, width] -> [batch, units], or [batch, channels] of averages."""
        with record(self.model, [self.layer]) as outputs:
            self.model(images)
        units = outputs[self.layer].flatten(2) if outputs[self.layer].ndim > 2 else outputs[self.layer][..., None]
        return units.mean(dim=2) if self.average else units.flatten(1)


def as_model(model: nn.Module, layer: str, *, average: bool = False) -> LayerModel:
    """Any layer asked like a classifier, so that `target` keeps its one meaning for every method.

    Args:
        model: the whole model.
        layer: dotted module name, as in `model.named_modules()`.
        average: one output for each feature map (the mean of its units) instead of one for each unit.

    Returns:
        A model whose output [batch, units] are that layer's units, in the order channel, row, column.

    Raises:
        ValueError: a layer that the model does not have.

    Example:
        >>> import torch
        >>> model = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU()).eval()
        >>> as_model(model, "1")(torch.rand(2, 3, 8, 8)).shape
        torch.Size([2, 180])
        >>> as_model(model, "1", average=True)(torch.rand(2, 3, 8, 8)).shape
        torch.Size([2, 5])
    """
    return LayerModel(model, layer, average)


class RestOfModel(nn.Module):
    """A model from one of its own layers on; made by `rest_of_model`."""

    def __init__(self, model: nn.Module, layer: str, image: Tensor) -> None:
        super().__init__()
        find_layer(model, layer)
        self.model, self.layer = model, layer
        self.register_buffer("image", image, persistent=False)
        self.training = model.training

    def forward(self, activations: Tensor) -> Tensor:
        """Activations of the layer, [batch, channels, height, width] -> the model's outputs [batch, ...]."""
        module = find_layer(self.model, self.layer)
        with ExitStack() as stack:
            stack.callback(module.register_forward_hook(lambda *_: activations.clone()).remove)
            return self.model(self.image.expand(len(activations), -1, -1, -1))


def rest_of_model(model: nn.Module, layer: str, image: Tensor) -> RestOfModel:
    """The model as a function of one layer's activations; what by-passes the layer is computed from the image.

    Args:
        model: the whole model.
        layer: dotted module name of a layer that a forward pass reaches once.
        image: float [1, 3, height, width].

    Returns:
        A model from the layer's activations [batch, channels, height, width] to the outputs of `model`.
    """
    return RestOfModel(model, layer, image)
