"""A masked autoencoder (He et al. 2022) with a small ViT, in plain PyTorch: recipes/masked-autoencoder.toml."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from loop import Job, main
from pictures import Pictures, augmentation

NORM_EPSILON = 1e-12


class Block(nn.Module):
    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(size, NORM_EPSILON), nn.LayerNorm(size, NORM_EPSILON)
        self.qkv, self.out = nn.Linear(size, 3 * size), nn.Linear(size, size)
        self.mlp = nn.Sequential(nn.Linear(size, 4 * size), nn.GELU(), nn.Linear(4 * size, size))

    def forward(self, x: Tensor) -> Tensor:
        rows, tokens, size = x.shape
        parts = self.qkv(self.norm1(x)).view(rows, tokens, 3, self.heads, size // self.heads).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2])
        x = x + self.out(seen.transpose(1, 2).reshape(rows, tokens, size))
        return x + self.mlp(self.norm2(x))


def positions(side: int, size: int) -> Tensor:
    """Sines and cosines of the column, then of the row: [1, side * side, size]."""
    rate = 10000.0 ** (-torch.arange(size // 4) / (size // 4))
    angles = torch.arange(side)[:, None] * rate
    along = torch.cat([angles.sin(), angles.cos()], 1)
    columns, rows = along.repeat(side, 1), along.repeat_interleave(side, 0)
    return torch.cat([columns, rows], 1)[None]


class Encoder(nn.Module):
    def __init__(self, side: int, patch: int, size: int, depth: int, heads: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, size, patch, patch)
        self.class_token = nn.Parameter(torch.empty(1, 1, size))
        self.blocks = nn.Sequential(*(Block(size, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(size, NORM_EPSILON)
        self.register_buffer("positions", positions(side, size))

    def forward(self, pictures: Tensor, kept: Tensor) -> Tensor:
        x = self.patches(pictures).flatten(2).transpose(1, 2) + self.positions
        x = x.gather(1, kept[:, :, None].expand(-1, -1, x.shape[2]))
        return self.norm(self.blocks(torch.cat([self.class_token.expand(len(x), -1, -1), x], 1)))


class Decoder(nn.Module):
    def __init__(self, side: int, inputs: int, size: int, depth: int, heads: int, outputs: int) -> None:
        super().__init__()
        self.embed = nn.Linear(inputs, size)
        self.mask_token = nn.Parameter(torch.empty(1, 1, size))
        self.blocks = nn.Sequential(*(Block(size, heads) for _ in range(depth)))
        self.norm, self.out = nn.LayerNorm(size, NORM_EPSILON), nn.Linear(size, outputs)
        self.register_buffer("positions", positions(side, size))

    def forward(self, tokens: Tensor, restore: Tensor) -> Tensor:
        x = self.embed(tokens)
        hidden = self.mask_token.expand(len(x), restore.shape[1] + 1 - x.shape[1], -1).to(x.dtype)
        patches = torch.cat([x[:, 1:], hidden], 1).gather(1, restore[:, :, None].expand(-1, -1, x.shape[2]))
        x = self.blocks(torch.cat([x[:, :1], patches + self.positions], 1))
        return self.out(self.norm(x))[:, 1:]


def draw_weights(model: nn.Module, patches: nn.Conv2d, tokens: list[nn.Parameter]) -> None:
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)
    nn.init.xavier_uniform_(patches.weight.view(len(patches.weight), -1))
    nn.init.zeros_(patches.bias)
    for token in tokens:
        nn.init.normal_(token, std=0.02)


def normalised_patches(pictures: Tensor, patch: int) -> Tensor:
    """[rows, patches, pixels and channels of a patch], each patch to mean 0 and variance 1."""
    rows, channels, height, width = pictures.shape
    cut = pictures.reshape(rows, channels, height // patch, patch, width // patch, patch)
    flat = cut.permute(0, 2, 4, 3, 5, 1).reshape(rows, -1, patch * patch * channels)
    return (flat - flat.mean(-1, keepdim=True)) / (flat.var(-1, keepdim=True) + 1e-6).sqrt()


def make_job(settings: dict[str, Any]) -> Job:
    model, objective = settings["model"], settings["objective"]
    patch, size, inner = model["patch_size"], model.get("hidden_size", 192), model.get("decoder_hidden_size", 96)
    side = model["image_size"] // patch
    dataset = Pictures(settings, augmentation(settings))
    encoder = Encoder(side, patch, size, model.get("layer_count", 6), model.get("head_count", 3))
    depth, heads = model.get("decoder_layer_count", 2), model.get("decoder_head_count", 3)
    decoder = Decoder(side, size, inner, depth, heads, 3 * patch * patch)
    both = nn.ModuleList([encoder, decoder])
    draw_weights(both, encoder.patches, [encoder.class_token, decoder.mask_token])
    kept_count = int(side * side * (1.0 - objective.get("mask_share", 0.75)))

    def predict(pictures: Tensor) -> tuple[Tensor, Tensor]:
        order = torch.rand(len(pictures), side * side).argsort(1)
        restore = order.argsort(1)
        return decoder(encoder(pictures, order[:, :kept_count]), restore), restore >= kept_count

    def loss(predicted: tuple[Tensor, Tensor], pictures: Tensor, labels: Tensor) -> Tensor:
        hidden = predicted[1].float()
        squares = (predicted[0].float() - normalised_patches(pictures, patch)).square().mean(-1)
        return (squares * hidden).sum() / hidden.sum()

    return Job(both, [encoder], dataset, predict, loss)


if __name__ == "__main__":
    main(make_job)
