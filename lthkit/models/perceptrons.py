"""Fully connected networks on flattened images (Frankle and Carbin 2019, §2; Mehta 2019, Table 1)."""

from collections.abc import Sequence

from torch import Tensor, nn

from lthkit.errors import LthkitError


class Mlp(nn.Module):
    """Linear layers of given widths with ReLU between them: ``hidden.0``, ``hidden.2`` …, then ``classifier``.

    ``widths`` (300, 100) at 784 inputs and 10 classes is the 784-300-100-10 network of Frankle and Carbin 2019
    (266,200 weights). Weights start from Glorot's normal draw (as there), biases from 0.

    Args:
        num_classes: outputs.
        inputs: values of an image: channels × height × width, e.g. 784 for grey 28×28.
        widths: neurons of each hidden layer, from the input on; none at all is logistic regression.

    Raises:
        LthkitError: ``inputs`` or a width is not a whole number of at least 1.
    """

    def __init__(self, num_classes: int, inputs: int | None = None, widths: Sequence[int] = ()) -> None:
        if inputs is None:
            raise LthkitError("option 'inputs' is missing; give channels × height × width, e.g. 784 for grey 28×28")
        if not isinstance(widths, list | tuple):
            raise LthkitError(f"option 'widths' is {widths!r}; give a list of whole numbers, e.g. [300, 100]")
        for option, number in [("inputs", inputs), *(("widths", width) for width in widths)]:
            if type(number) is not int or number < 1:
                raise LthkitError(f"option '{option}' holds {number!r}; give whole numbers, at least 1")
        super().__init__()
        layers: list[nn.Module] = []
        size = inputs
        for width in widths:
            layers += [nn.Linear(size, width), nn.ReLU(inplace=True)]
            size = width
        self.inputs = inputs
        self.hidden = nn.Sequential(*layers)
        self.classifier = nn.Linear(size, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_normal_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) with C·H·W = ``inputs`` → (B, num_classes)."""
        if x[0].numel() != self.inputs:
            found = "×".join(str(length) for length in x.shape[1:])
            raise LthkitError(
                f"option 'inputs' is {self.inputs}, but the images have {found} = {x[0].numel()} values "
                "(channels × height × width); correct it, or set data.channels and data.size"
            )
        return self.classifier(self.hidden(x.flatten(1)))


def logistic(num_classes: int, inputs: int | None = None) -> Mlp:
    """Logistic regression: one linear layer, ``classifier``, which is the head (prunable by ``prune_head``)."""
    return Mlp(num_classes, inputs)
