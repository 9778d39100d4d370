"""model2vec's own distillation of MiniLM, made once and kept in the cache folder."""

from __future__ import annotations

from pathlib import Path

from options import Options
from rounds import progress

DIM = 256


def distilled_model(options: Options) -> Path | None:
    """None, with a word on stderr, where it is not there and cannot be made."""
    if options.model is None or not options.peers_available():
        return None
    from export import digest

    folder = options.cache / f"model2vec-{digest(options.model)}-{DIM}"
    if (folder / "model.safetensors").exists():
        return folder
    if options.smoke:
        progress("the distillation of model2vec is not made in a smoke run")
        return None
    try:
        from model2vec.distill import distill
    except ImportError as error:
        progress(f"model2vec cannot distill here: {error}")
        return None
    progress("model2vec distils the model (a minute or two, once)")
    # float32: numpy means of the default float16 are slow, and would flatter us.
    distill(str(options.model), pca_dims=DIM, device="cpu", quantize_to="float32").save_pretrained(folder)
    return folder
