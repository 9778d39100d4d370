"""Record losses and their gradients, computed in float64 as torch.nn or the papers' formulas state them.

    python tools/goldens/training_losses_record.py [tests/golden/training]

losses.safetensors holds for each case CASE: "CASE/output.0", ..., "CASE/feed.0", ..., "CASE/teacher.0", ...,
"CASE/value" and "CASE/gradient.0", .... The formulas are written out row by row, unlike the program's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

Loss = Callable[..., Tensor]

GENERATOR = torch.Generator().manual_seed(5)


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, generator=GENERATOR)


def ids(count: int, *, low: int, high: int) -> Tensor:
    return torch.randint(low, high, (count,), generator=GENERATOR, dtype=torch.int32)


def cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor | None = None, smoothing: float = 0.0) -> Tensor:
    weight = None if weights is None else weights.to(logits.dtype)
    return functional.cross_entropy(logits, labels.long(), weight=weight, ignore_index=-1, label_smoothing=smoothing)


def mixed_cross_entropy(logits: Tensor, labels: Tensor, others: Tensor, share: Tensor) -> Tensor:
    first = functional.cross_entropy(logits, labels.long(), reduction="none", label_smoothing=0.1)
    second = functional.cross_entropy(logits, others.long(), reduction="none", label_smoothing=0.1)
    return (share * first + (1 - share) * second).mean()


def weighted(losses: Tensor, weights: Tensor) -> Tensor:
    spread = weights.reshape(weights.shape + (1,) * (losses.dim() - weights.dim())).expand_as(losses)
    return (losses * spread).sum() / spread.sum()


def activity(code: Tensor, target: float) -> Tensor:
    found = torch.distributions.Bernoulli(probs=code.mean(0))
    wanted = torch.distributions.Bernoulli(probs=torch.full_like(code[0], target))
    return torch.distributions.kl_divergence(wanted, found).sum()


def gaussian(mean: Tensor, log_variance: Tensor) -> Tensor:
    found = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    standard = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
    return torch.distributions.kl_divergence(found, standard).sum(1).mean()


def nt_xent(z: Tensor, temperature: float) -> Tensor:
    n = len(z) // 2
    losses = []
    for i in range(2 * n):
        partner = (i + n) % (2 * n)
        scores = {k: functional.cosine_similarity(z[i], z[k], dim=0) / temperature for k in range(2 * n) if k != i}
        losses.append(-scores[partner] + torch.logsumexp(torch.stack(list(scores.values())), 0))
    return torch.stack(losses).mean()


def supervised_contrastive(z: Tensor, labels: Tensor, temperature: float) -> Tensor:
    known = [i for i in range(len(z)) if labels[i] >= 0]
    losses = []
    for i in known:
        scores = {k: functional.cosine_similarity(z[i], z[k], dim=0) / temperature for k in known if k != i}
        positives = [k for k in scores if labels[k] == labels[i]]
        if positives:
            normaliser = torch.logsumexp(torch.stack(list(scores.values())), 0)
            losses.append(-torch.stack([scores[k] - normaliser for k in positives]).mean())
    return torch.stack(losses).mean()


def triplet(z: Tensor, labels: Tensor, margin: float) -> Tensor:
    losses = []
    for i in range(len(z)):
        distances = [(z[i] - z[k]).norm() for k in range(len(z))]
        positives = [distances[k] for k in range(len(z)) if k != i and labels[k] == labels[i]]
        negatives = [distances[k] for k in range(len(z)) if labels[k] != labels[i]]
        if positives and negatives:
            gap = max(positives) - min(negatives)
            losses.append(functional.relu(gap + margin) if margin > 0 else functional.softplus(gap))
    return torch.stack(losses).mean()


def vicreg(z: Tensor) -> Tensor:
    n, dim = len(z) // 2, z.shape[1]
    first, second = z[:n], z[n:]
    loss = 25.0 * functional.mse_loss(first, second)
    for view in (first, second):
        covariance = torch.cov(view.T)
        loss = loss + 25.0 * functional.relu(1 - torch.sqrt(view.var(0) + 1e-4)).mean() / 2
        for i in range(dim):
            for j in range(dim):
                if i != j:
                    loss = loss + covariance[i, j] ** 2 / dim
    return loss


def layer_norm(layer: Tensor) -> Tensor:
    return functional.layer_norm(layer, layer.shape[-1:])


def instance_norm(layer: Tensor) -> Tensor:
    return functional.instance_norm(layer.transpose(1, 2)).transpose(1, 2)


def batch_norm(layer: Tensor) -> Tensor:
    return functional.batch_norm(layer.transpose(1, 2), None, None, training=True).transpose(1, 2)


def layer_regression(
    prediction: Tensor, mask: Tensor, *layers: Tensor, norm: Callable[[Tensor], Tensor] = layer_norm
) -> Tensor:
    places = prediction.shape[1]
    normalised = [norm(layer[:, -places:]) for layer in layers]
    target = torch.stack(normalised).mean(0)
    hidden = mask.bool()
    return functional.smooth_l1_loss(prediction[hidden], target[hidden], beta=2.0)


def cosine_distance(x: Tensor, target: Tensor) -> Tensor:
    return (1 - functional.cosine_similarity(x, target, dim=1)).mean()


def cosines(x: Tensor) -> Tensor:
    return functional.cosine_similarity(x[:, None], x[None], dim=2)


def similarity_squares(x: Tensor, target: Tensor) -> Tensor:
    off = ~torch.eye(len(x), dtype=torch.bool)
    return ((cosines(x) - cosines(target))[off] ** 2).mean()


def similarity_divergence(x: Tensor, target: Tensor, temperature: float) -> Tensor:
    losses = []
    for i in range(len(x)):
        others = [k for k in range(len(x)) if k != i]
        found = functional.log_softmax(cosines(x)[i][others] / temperature, 0)
        wanted = functional.softmax(cosines(target)[i][others] / temperature, 0)
        losses.append(functional.kl_div(found, wanted, reduction="sum"))
    return torch.stack(losses).mean()


class Recorder:
    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}

    def case(self, name: str, outputs: list[Tensor], feeds: list[Tensor], loss: Loss, teacher: list[Tensor]) -> None:
        leaves = [output.double().requires_grad_(True) for output in outputs]
        wide = [feed.double() if feed.is_floating_point() else feed for feed in feeds + teacher]
        value = loss(*leaves, *wide)
        value.backward()
        for kind, values in (("output", outputs), ("feed", feeds), ("teacher", teacher)):
            for i, tensor in enumerate(values):
                self.tensors[f"{name}/{kind}.{i}"] = tensor.clone()
        self.tensors[f"{name}/value"] = value.detach().reshape(1)
        for i, leaf in enumerate(leaves):
            assert leaf.grad is not None
            self.tensors[f"{name}/gradient.{i}"] = leaf.grad.contiguous()


def classifier_cases(add: Callable[..., None]) -> None:
    labels = torch.tensor([0, 3, 1, -1, 2, 2, 0], dtype=torch.int32)
    weights = torch.tensor([0.5, 2.0, 1.0, 0.25])
    add("cross_entropy", [normal(7, 4)], [labels], cross_entropy)
    add("cross_entropy_weighted", [normal(7, 4)], [labels], lambda x, y: cross_entropy(x, y, weights, 0.1))
    share = torch.rand(7, generator=GENERATOR)
    mixed = [ids(7, low=0, high=4), ids(7, low=0, high=4), share]
    add("cross_entropy_mixed", [normal(7, 4)], mixed, mixed_cross_entropy)
    target = torch.rand((5, 3), generator=GENERATOR)
    add("binary_cross_entropy", [normal(5, 3)], [target], functional.binary_cross_entropy_with_logits)


def reconstruction_cases(add: Callable[..., None]) -> None:
    add("mean_square", [normal(4, 3, 2)], [normal(4, 3, 2)], functional.mse_loss)
    weights = torch.tensor([[1.0, 0.0, 2.0], [0.0, 1.0, 1.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    add(
        "mean_square_weighted",
        [normal(4, 3, 2)],
        [normal(4, 3, 2), weights],
        lambda x, y, w: weighted((x - y) ** 2, w),
    )
    add("smooth_l1", [normal(6, 5)], [normal(6, 5)], lambda x, y: functional.smooth_l1_loss(x, y, beta=0.7))
    add(
        "smooth_l1_weighted",
        [normal(4, 3, 2)],
        [normal(4, 3, 2), weights],
        lambda x, y, w: weighted(functional.smooth_l1_loss(x, y, reduction="none", beta=0.7), w),
    )
    add("code_magnitude", [normal(5, 6)], [], lambda x: x.abs().mean())
    code = torch.rand((5, 6), generator=GENERATOR)
    add("code_activity", [code], [], lambda x: activity(x, 0.1))
    add("gaussian_divergence", [normal(5, 6), 0.5 * normal(5, 6)], [], gaussian)


def comparison_cases(add: Callable[..., None]) -> None:
    labels = torch.tensor([0, 1, 0, 2, 1, 0, 3, 2], dtype=torch.int32)
    partly = torch.tensor([0, 1, 0, -1, 1, 0, 3, -1], dtype=torch.int32)
    add("nt_xent", [normal(8, 5)], [], lambda z: nt_xent(z, 0.5))
    add("supervised_contrastive", [normal(8, 5)], [partly], lambda z, y: supervised_contrastive(z, y, 0.3))
    add("triplet_margin", [normal(8, 5)], [labels], lambda z, y: triplet(z, y, 0.4))
    add("triplet_soft", [normal(8, 5)], [labels], lambda z, y: triplet(z, y, 0.0))
    add("vicreg", [0.8 * normal(10, 4)], [], vicreg)
    mask = torch.tensor([[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, 1.0]])
    add(
        "layer_regression",
        [normal(2, 4, 6)],
        [mask],
        layer_regression,
        [2.0 * normal(2, 5, 6), normal(2, 5, 6) + 1.0],
    )
    add("cosine_distance", [normal(6, 5)], [normal(6, 5)], cosine_distance)
    add("similarity_squares", [normal(6, 5)], [normal(6, 7)], similarity_squares)
    add("similarity_divergence", [normal(6, 5)], [normal(6, 7)], lambda x, y: similarity_divergence(x, y, 0.2))
    for name, norm in (("instance", instance_norm), ("batch", batch_norm)):
        add(
            f"layer_regression_{name}",
            [normal(2, 4, 6)],
            [mask],
            partial(layer_regression, norm=norm),
            [2.0 * normal(2, 5, 6), normal(2, 5, 6) + 1.0],
        )


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "tests/golden/training")
    folder.mkdir(parents=True, exist_ok=True)
    recorder = Recorder()

    def add(
        name: str, outputs: list[Tensor], feeds: list[Tensor], loss: Loss, teacher: list[Tensor] | None = None
    ) -> None:
        recorder.case(name, outputs, feeds, loss, teacher or [])

    classifier_cases(add)
    reconstruction_cases(add)
    comparison_cases(add)
    metadata = {"made_by": "tools/goldens/training_losses_record.py", "torch": torch.__version__}
    save_file(recorder.tensors, folder / "losses.safetensors", metadata)


if __name__ == "__main__":
    main()
