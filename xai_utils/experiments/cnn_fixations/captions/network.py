"""Show and Tell (Vinyals et al., 2015) in small: a CNN looks at the picture once, an LSTM tells it word by word."""

import json
import re
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from xai_utils.models import miniature
from xai_utils.parts import CLASSES
from xai_utils.weights import read_about, read_weights, weights_folder

START, END = "<start>", "<end>"
MODEL = "cnn_fixations/captioner"
WIDTH = 128  # of the embedding I, of the words' embeddings, and of the LSTM's state


class Cell(nn.LSTMCell):
    """An LSTM without biases, whose output m = o * c goes on as it is.

    **Source**: CNN Fixations, section III-D, equations 1 to 5 (those of Show and Tell). `nn.LSTMCell` has biases and
    m = o * tanh(c); its weights, in the order i, f, c, o, are kept.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__(inputs, hidden, bias=False)

    def forward(self, inputs: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """x_t [batch, inputs] and (m, c) of the step before, zeros by default -> (m_t, c_t), each [batch, hidden]."""
        nothing = inputs.new_zeros(len(inputs), self.hidden_size)
        m, c = state or (nothing, nothing)
        i, f, content, o = (linear(inputs, self.weight_ih) + linear(m, self.weight_hh)).chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * content.tanh()  # eqs. 1, 2, 4
        return o.sigmoid() * c, c  # eqs. 3, 5


class Captioner(nn.Module):
    """Tells a picture of Parts in a sentence.

    The CNN's embedding I of the picture is the LSTM's first input, then the words follow one by one. The paper lets
    the LSTM begin in a "random state"; in Show and Tell, and here, that state is zero.

    Args:
        words: the dictionary, without the two words that begin and end a sentence.
        longest: the most words in a sentence, its end counted.
        width: numbers in I, in a word's embedding and in the LSTM's state.
    """

    def __init__(self, words: Sequence[str], longest: int, width: int = WIDTH) -> None:
        super().__init__()
        self.vocabulary, self.longest, self.width = (START, END, *words), longest, width
        self.encoder = miniature("resnet", CLASSES)
        self.encoder.network.classifier[2] = nn.Linear(128, width, bias=False)  # the embedding I
        self.embedding = nn.Embedding(len(self.vocabulary), width)
        self.cell = Cell(width, width)
        self.readout = nn.Linear(width, len(self.vocabulary))
        self._open_forget_gates()

    @torch.no_grad()
    def _open_forget_gates(self) -> None:
        """Lets the untrained memory last for a sentence: a gate of 1/2 leaves nothing after twenty words.

        The usual remedy is a bias; the paper's equations have none, so all words begin with the same first number.
        """
        self.embedding.weight[:, 0] = 1
        self.cell.weight_ih[self.width : 2 * self.width, 0] = 4

    def forward(self, images: Tensor, words: Tensor) -> Tensor:
        """The states m from which given sentences are read.

        Args:
            images: float [batch, 3, 128, 128], RGB in [0, 1].
            words: int64 [batch, steps], as `encode` gives them.

        Returns:
            [batch, steps, width]; `readout` of step t gives the logits of word t.
        """
        m, c = self.cell(self.encoder(images))
        before = pad(words[:, :-1], (1, 0))  # START is word 0
        states = []
        for step in range(words.shape[1]):
            m, c = self.cell(self.embedding(before[:, step]), (m, c))
            states.append(m)
        return torch.stack(states, dim=1)

    @torch.no_grad()
    def speak(self, images: Tensor) -> Tensor:
        """What it says: the likeliest word at each step.

        Args:
            images: float [batch, 3, 128, 128], RGB in [0, 1].

        Returns:
            int64 [batch, longest]: the words, filled up with END.
        """
        state = self.cell(self.encoder(images))
        word = torch.zeros(len(images), dtype=torch.int64, device=images.device)
        spoken = []
        for _ in range(self.longest):
            state = self.cell(self.embedding(word), state)
            word = self.readout(state[0]).argmax(dim=1)
            spoken.append(word)
        return ended(torch.stack(spoken, dim=1))

    def encode(self, captions: Sequence[str]) -> Tensor:
        """Sentences -> int64 [sentences, longest], filled up with END.

        Raises:
            ValueError: a sentence that is too long, or a word that is not in the dictionary.
        """
        number = {word: index for index, word in enumerate(self.vocabulary)}
        rows = torch.ones(len(captions), self.longest, dtype=torch.int64)
        for row, caption in zip(rows, map(split_words, captions), strict=True):
            if len(caption) >= self.longest or not number.keys() >= set(caption):
                raise ValueError(
                    f"captions: expected fewer than {self.longest} words of the dictionary, got {' '.join(caption)!r}"
                )
            row[: len(caption)] = torch.tensor([number[word] for word in caption])
        return rows

    def decode(self, words: Tensor) -> list[str]:
        """int64 [sentences, steps] -> sentences, each up to its END."""
        sentences = [[self.vocabulary[word] for word in row] for row in words.tolist()]
        told = [" ".join(sentence[: [*sentence, END].index(END)]) for sentence in sentences]
        return [sentence.replace(" ,", ",") for sentence in told]


class Speaker(nn.Module):
    """A captioner that says given sentences, so that its forward pass can be traced: pictures -> logits of the words.

    Args:
        captioner: in eval mode.
        words: int64 [batch, steps], a sentence for each picture of the batch.
    """

    def __init__(self, captioner: Captioner, words: Tensor) -> None:
        super().__init__()
        self.captioner = captioner
        self.register_buffer("words", words)
        self.states = nn.Identity()  # gives the states m a name: [batch, steps, width]
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """[batch, 3, 128, 128] -> the logit of each word of its sentence, [batch, steps]."""
        states = self.states(self.captioner(images, self.words))
        return self.captioner.readout(states).gather(2, self.words[..., None])[..., 0]


def split_words(caption: str) -> list[str]:
    """The words of a sentence; a comma is one.

    Example:
        >>> split_words("a robin, perched")
        ['a', 'robin', ',', 'perched']
    """
    return re.findall(r"\w+|,", caption)


def ended(words: Tensor) -> Tensor:
    """Sentences int64 [batch, steps] with everything behind the first END replaced by END (word 1)."""
    return words.masked_fill((words == 1).cumsum(dim=1) > 0, 1)


def load_captioner(model: str = MODEL) -> Captioner:
    """The trained captioner, in eval mode and with nothing left to train.

    Args:
        model: the name of its weights in `data/weights`.

    Example:
        >>> captioner = load_captioner()
        >>> captioner.speak(torch.rand(2, 3, 128, 128)).shape == (2, captioner.longest)
        True
    """
    path = weights_folder() / f"{model}.safetensors"
    tensors = read_weights(path)
    about = read_about(path)
    captioner = Captioner(json.loads(about["words"]), int(about["longest"]))
    captioner.load_state_dict(tensors)
    return captioner.eval().requires_grad_(False).to(memory_format=torch.channels_last)
