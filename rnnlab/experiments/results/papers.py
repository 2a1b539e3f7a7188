"""The papers' numbers, each with its size and its source; captions and the page of claims read them from here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reported:
    """A number of a paper, and where our nearest runs are.

    Attributes:
        recipe, variant, model: what was measured, in our names.
        says: the number, or "solved".
        unit: of the number.
        size: what is unlike ours.
        source: who measured it, and who says so where the paper itself was not read.
    """

    recipe: str
    variant: str
    model: str
    says: str
    unit: str
    size: str
    source: str

    @property
    def experiment(self) -> str:
        """What was measured, in which units."""
        words = (self.recipe, self.variant, self.model, self.unit)
        return ", ".join(word for word in dict.fromkeys(words) if word)

    @property
    def ours(self) -> tuple[str, str, str]:
        """Recipe, variant and model of our nearest runs."""
        return self.recipe, self.variant, self.model


INDRNN = "Li et al. 2018, 2019"
CITED, INDRNN_CITES = "Le et al. 2015, as Cooijmans et al. cite it", "as Li et al. 2018 cite it"
OTHERS = "Le et al. 2015, from other reports of it"
MNIST = "MNIST, 28 × 28"

REPORTED = (
    Reported("adding", "T = 200", "IRNN", "solved", "", "", OTHERS),
    Reported("adding", "T = 200", "LSTM", "solved", "", "", OTHERS),
    Reported("adding", "T = 100", "IndRNN", "solved", "", "2 × 128, Adam 2e-4", INDRNN),
    Reported("adding", "T = 500", "IndRNN", "solved", "", "", INDRNN),
    Reported("adding", "T = 1000", "IndRNN", "solved", "", "", INDRNN),
    Reported("pixels", "sequential", "tanh RNN", "65.0", "error %", MNIST, CITED),
    Reported("pixels", "permuted", "tanh RNN", "65.0", "error %", MNIST, CITED),
    Reported("pixels", "sequential", "IRNN", "3.0", "error %", MNIST, CITED),
    Reported("pixels", "permuted", "IRNN", "18.0", "error %", MNIST, CITED),
    Reported("pixels", "sequential", "LSTM", "1.8", "error %", MNIST, INDRNN_CITES),
    Reported("pixels", "permuted", "LSTM", "12", "error %", MNIST, INDRNN_CITES),
    Reported("pixels", "sequential", "IndRNN", "1.0", "error %", f"{MNIST}, 6 layers", INDRNN),
    Reported("pixels", "permuted", "IndRNN", "4.0", "error %", f"{MNIST}, 6 layers", INDRNN),
    Reported("characters", "characters", "IndRNN", "1.26", "bits", "Penn Treebank, 6 layers of 2,000, T = 50", INDRNN),
    Reported("stacks", "21 layers", "IndRNN residual", "1.21", "bits", "Penn Treebank, 21 layers of 2,000", INDRNN),
    Reported("phonemes", "frames", "LSTM", "35.4", "error %", "TIMIT, 2 layers of 250", OTHERS),
    Reported("phonemes", "frames", "IRNN, 0.01 I", "35.5", "error %", "TIMIT, 2 layers of 500", OTHERS),
)


def reported(recipe: str, variant: str, model: str) -> Reported:
    """The papers' number of that experiment.

    Raises:
        LookupError: none is known.
    """
    for number in REPORTED:
        if (number.recipe, number.variant, number.model) == (recipe, variant, model):
            return number
    raise LookupError(f"no paper's number of {model} on {recipe}, {variant}")
