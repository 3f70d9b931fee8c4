# SPDX-License-Identifier: Apache-2.0
"""Train a small neural network on handwritten digits, on the CPU.

The data are the 1,797 scanned 8x8 digits of the UCI machine learning
repository that Debian ships in python3-sklearn.  Progress goes to standard
error; the trained model goes to the file named by --model, "-" being standard
output, so that `belljar run IMAGE > model.npz` brings it out of the VM.
"""
import argparse
import hashlib
import io
import sys
import time

import numpy as np

DATA = "/usr/share/demo/digits.csv.gz"


def say(text):
    print(text, file=sys.stderr, flush=True)


def load(seed):
    """Pixels scaled to 0..1 and labels, split into training and test parts."""
    table = np.loadtxt(DATA, delimiter=",", dtype=np.float32)
    table = table[np.random.default_rng(seed).permutation(len(table))]
    x, y = table[:, :-1] / 16, table[:, -1].astype(np.int64)
    cut = len(x) * 4 // 5
    return x[:cut], y[:cut], x[cut:], y[cut:]


def noisy(x, amount, rng):
    """So few samples are learnt by heart unless they differ each time."""
    return x + rng.normal(0, amount, x.shape).astype(np.float32)


class Network:
    """One hidden layer, ReLU, softmax, trained by SGD with momentum."""

    def __init__(self, sizes, rng):
        self.w = [
            rng.normal(0, np.sqrt(2 / a), (a, b)).astype(np.float32)
            for a, b in zip(sizes, sizes[1:])
        ]
        self.b = [np.zeros(b, np.float32) for b in sizes[1:]]
        self.speed = [np.zeros_like(p) for p in self.w + self.b]

    def forward(self, x):
        hidden = np.maximum(x @ self.w[0] + self.b[0], 0)
        logits = hidden @ self.w[1] + self.b[1]
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return hidden, odds / odds.sum(axis=1, keepdims=True)

    def step(self, x, y, rate, momentum=0.9):
        hidden, p = self.forward(x)
        rows = np.arange(len(y))
        loss = -np.log(p[rows, y] + 1e-9).mean()
        p[rows, y] -= 1
        d_out = p / len(y)
        d_hid = (d_out @ self.w[1].T) * (hidden > 0)
        grads = [x.T @ d_hid, hidden.T @ d_out, d_hid.sum(0), d_out.sum(0)]
        for param, speed, grad in zip(self.w + self.b, self.speed, grads):
            speed *= momentum
            speed -= rate * grad
            param += speed
        return loss

    def accuracy(self, x, y):
        return (self.forward(x)[1].argmax(axis=1) == y).mean()

    def save(self, path):
        buf = io.BytesIO()
        np.savez(buf, w0=self.w[0], b0=self.b[0], w1=self.w[1], b1=self.b[1])
        model = buf.getvalue()
        with open(sys.stdout.fileno() if path == "-" else path, "wb") as f:
            f.write(model)
        say(f"model: {len(model)} bytes, sha256 "
            f"{hashlib.sha256(model).hexdigest()}")


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    args.add_argument("--epochs", type=int, default=30)
    args.add_argument("--batch", type=int, default=32)
    args.add_argument("--hidden", type=int, default=128)
    args.add_argument("--rate", type=float, default=0.1)
    args.add_argument("--noise", type=float, default=0.25)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--model", default="-", help="file, or - (default)")
    args = args.parse_args()

    x, y, test_x, test_y = load(args.seed)
    rng = np.random.default_rng(args.seed)
    net = Network([x.shape[1], args.hidden, 10], rng)
    say(f"digits: {len(x)} to train on, {len(test_x)} to test")

    begin = time.monotonic()
    for epoch in range(1, args.epochs + 1):
        order = rng.permutation(len(x))
        rate = args.rate * 0.93 ** epoch
        losses = [
            net.step(noisy(x[part], args.noise, rng), y[part], rate)
            for part in np.split(order, range(args.batch, len(x), args.batch))
        ]
        say(f"epoch {epoch:2}  loss {np.mean(losses):.4f}  "
            f"test accuracy {net.accuracy(test_x, test_y):.2%}")
    say(f"trained in {time.monotonic() - begin:.2f} s")
    net.save(args.model)
    say(f"accuracy: {net.accuracy(test_x, test_y):.2%}")


main()
