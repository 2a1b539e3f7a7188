"""What the three texts say that started this lab, statement by statement, in our words; where each is judged.

A is a survey of initializers and of parallelism in RNN layers, B are reading notes on the IRNN paper, D is a question
and its answer on why ReLU helps a CNN and not an RNN, and on IndRNN.
"""

STATEMENTS = {
    "A1": "glorot_uniform is the default, and balances the variance of outputs across layers",
    "A2": "it works well for tanh or sigmoid in feed-forward nets",
    "A3": "for RNNs with long sequences, or for deeper architectures, it may not be optimal",
    "A4": "he_uniform converges faster and suits deep nets, with ReLU or LeakyReLU",
    "A5": "lecun_uniform suits shallow nets, or normalised data, with sigmoid",
    "A6": "orthogonal keeps gradients better over time and is more stable, especially in RNNs with tanh",
    "A7": "random_normal needs careful tuning and may be unstable",
    "A8": "variance_scaling is flexible, can be set for different kinds of layers, and adapts to the kind of layer",
    "A9": "a step needs the output of the step before: steps are hard to process at once in the traditional way, and "
    "cannot be fully parallel",
    "A10": "data parallelism: each process has a copy of the RNN and a part of the data; the gradients are averaged",
    "A11": "batch processing: the operations on the sequences of a batch run in parallel",
    "A12": "ensemble parallelism: RNNs trained in parallel, each on another aspect or subset of the data; their "
    "predictions are combined",
    "B1": "the recipe of the IRNN: recurrent matrix the identity, biases zero, ReLU; without input, the state is the "
    "old one",
    "B2": "without input, the IRNN's state stays as it is",
    "B3": "the error derivatives flow back unchanged, as in an LSTM whose forget gate has no decay",
    "B4": "for tasks with less long-range dependence, the identity times a small scalar forgets, as an LSTM does whose "
    "gate decays fast",
    "B5": "the adding problem gets harder with T; LSTM and RNN begin to struggle at about T = 150; the IRNN converges "
    "as well as the LSTM, given that an LSTM step costs at least four IRNN steps",
    "B6": "pixels in scan order: the plain RNN does badly, the IRNN reaches 3 % test error, better than most linear "
    "classifiers, and the LSTM does well",
    "B7": "on a language model the IRNN is nearer to the LSTM than to the RNN",
    "B8": "on speech the IRNN is far better than the tanh RNN, and on a par with the LSTM",
    "B9": "the reader's own question: what it means, as code, to initialise with the identity and with zero",
    "D1": "a convolution is one product of two matrices: 4 × 4 inputs, a 2 × 2 filter, stride 1 and padding 1 give 25 "
    "positions, a 25 × 4 matrix",
    "D2": "gradients vanish because of the activations' derivatives: sigmoid's is in (0, 0.25], ten layers give "
    "0.25^10",
    "D3": "ReLU's derivative is always 1, so vanishing is solved in a CNN",
    "D4": "in an RNN, ReLU makes the outputs very large: one W is shared by all steps, and above one the result grows",
    "D5": "nor does ReLU solve how the gradient gets to early steps in an RNN: more steps, more W in the product",
    "D6": "a CNN's weights are independent and sparse, and this keeps gradients from exploding",
    "D7": "IndRNN: an element-wise product, each neuron has its own weight on its own last state",
    "D8": "IndRNN solves vanishing and exploding, and learns long dependences",
    "D9": "with functions such as ReLU the trained IndRNN is more robust to the training data",
    "D10": "IndRNNs are stacked much deeper than existing RNNs, and do better than RNN, LSTM and GRU on various tasks",
}

CONSTRUCTIONS = {
    "B1": "`RNN.irnn` in rnnlab/layers/rnn.py, and tutorials/07_irnn_and_indrnn.py",
    "B9": "tutorials/07_irnn_and_indrnn.py, from words to equations to code",
    "D7": "`IndRNN` in rnnlab/layers/indrnn.py; tests/laws/test_memory.py: it equals an RNN whose U is diagonal",
}
"""Statements that are not judged but built, and where."""
