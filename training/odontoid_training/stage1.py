"""Stage 1: the encoder learns from single images, or the volume network from blocks of scans. Resumes from its last checkpoint."""
import copy
import csv
import math
import time

import numpy as np
import torch
from torch.nn import functional

from . import together
from .evaluate import auc
from .kinds import SliceSequence
from .schedule import cosine
from .versions import grad_scaler, load_checkpoint


class Step:
    """One step of stage 1: forwards, loss, backwards, update. Called with this process's share of a batch it returns (loss, logits of the images)."""

    def __init__(self, profile, kind, encoder, device):
        recipe = profile["stage1"]
        self.recipe, self.kind, self.encoder, self.device = recipe, kind, encoder, device
        self.deep = kind.deep_supervision(encoder).to(device)
        make_optimizer = torch.optim.AdamW if recipe["optimizer"] == "adamw" else torch.optim.Adam
        self.optimizer = make_optimizer([*encoder.parameters(), *self.deep.parameters()], lr=recipe["learningRate"], weight_decay=recipe["weightDecay"])
        # Half the memory and twice the speed on a GPU; no gain on a CPU.
        self.mixed = device == "cuda" and recipe.get("mixedPrecision", True)
        self.scaler = grad_scaler(self.mixed)

    def __call__(self, image, label, targets, rate):
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        # Parts of a batch that does not fit into the memory of a GPU at once; each is normalised by itself.
        size = -(-len(image) // self.recipe.get("accumulate", 1))
        losses, logits = [], []
        for start in range(0, len(image), size):
            part = slice(start, start + size)
            cells = {step: (target[part], weight[part]) for step, (target, weight) in targets.items()}
            loss, logit = self.forwards(image[part], label[part], cells)
            self.scaler.scale(loss * len(logit) / len(image)).backward()
            losses.append(float(loss.detach()) * len(logit) / len(image)), logits.append(logit.detach().float())
        together.share_gradients([*self.encoder.parameters(), *self.deep.parameters()])
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return sum(losses), torch.cat(logits)

    def forwards(self, image, label, targets):
        recipe, device = self.recipe, self.device
        with torch.autocast("cuda", enabled=self.mixed):
            logit, cells, maps = self.encoder(self.kind.to_device(image, device))
            loss = recipe["imageWeight"] * functional.binary_cross_entropy_with_logits(logit, label.to(device))
            if recipe["cellWeight"]:
                loss = loss + recipe["cellWeight"] * cell_loss(cells, targets[self.kind.last_step], device)
            if recipe["deepWeight"]:
                for step, marks in zip(self.deep.STEPS, self.deep(maps)):
                    loss = loss + recipe["deepWeight"] * cell_loss(marks, targets[step], device)
        return loss, logit


def train_encoder(profile, cohort, out, seed, device, *, start=None, report=print, kind=SliceSequence, loaders=0):
    """cohort: {'train': cases, 'validation': cases}; start: weights to begin with. loaders: processes that read and augment. Returns the encoder (averaged weights where the profile asks for them)."""
    recipe = profile["stage1"]
    if recipe["batch"] % together.count():
        raise SystemExit(f"stage1.batch is {recipe['batch']}: {together.count()} processes cannot share it equally")
    torch.manual_seed(seed)
    encoder = kind.make_encoder(profile).to(device)
    if start is not None:
        encoder.load_state_dict(start)
    together.same_weights(encoder)
    average = copy.deepcopy(encoder) if recipe["emaDecay"] else None
    together.share_statistics(encoder)
    step = Step(profile, kind, encoder, device)
    # The weights are the same in all processes; what is dropped out is not.
    torch.manual_seed(seed + 1_000_003 * together.rank())
    sampler = kind.sampler(cohort["train"], profile, seed)
    sampler.loaders = loaders
    checkpoint = out / "stage1.pt"
    # Epochs on patches, then on whole fields; without patches all are fields.
    patch_epochs = recipe["epochs"] if recipe["patch"] else 0
    epochs = recipe["epochs"] + (recipe["fieldEpochs"] if recipe["patch"] else 0)
    state = {"epoch": 0, "step": 0, "best": -1.0, "bestEpoch": 0, "bestWeights": None, "rows": []}
    if checkpoint.exists():
        saved = load_checkpoint(checkpoint, device)
        encoder.load_state_dict(saved["encoder"]), step.deep.load_state_dict(saved["deep"]), step.optimizer.load_state_dict(saved["optimizer"])
        if average:
            average.load_state_dict(saved["average"])
        state = {**state, **saved["state"]}
        if saved.get("scaler"):
            step.scaler.load_state_dict(saved["scaler"])
        if len(saved.get("suspicion", ())) == len(sampler.suspicion):
            sampler.suspicion = saved["suspicion"]
        sampler.random = np.random.default_rng((seed, state["epoch"]))
    if together.is_first():
        write_log(out / "stage1.csv", state["rows"])
    while state["epoch"] < epochs and not is_out_of_patience(recipe, state):
        epoch = state["epoch"]
        field = epoch >= patch_epochs
        images = recipe["fieldImagesPerEpoch"] if field and recipe["patch"] else recipe["imagesPerEpoch"]
        patch = None if field else recipe["patch"]
        count = (images or len(sampler)) // recipe["batch"]
        started, losses = time.time(), []
        encoder.train()
        for k, (chosen, (image, label, targets)) in enumerate(sampler.batches(images, patch)):
            rate = learning_rate(recipe, epoch, k / count, field and bool(recipe["patch"]))
            loss, logit = step(image, label, targets, rate)
            losses.append(loss)
            sampler.learn(chosen, together.gathered(torch.sigmoid(logit)).cpu().numpy())
            state["step"] += 1
            if average:
                follow(average, encoder, min(recipe["emaDecay"], (1 + state["step"]) / (10 + state["step"])))
            if k % 20 == 0:
                report(f"stage 1 epoch {epoch + 1}/{epochs} {'field' if field else 'patch'} {k}/{count} loss {np.mean(losses[-20:]):.4f}"
                       f" {(k + 1) * recipe['batch'] / (time.time() - started):.1f} images/s")
        speed = (k + 1) * recipe["batch"] / (time.time() - started)
        judged = average or encoder
        last = epoch + 1 == epochs
        is_judged = field or last or recipe["patience"] is not None or epoch % 20 == 19
        score = validate(kind, judged, cohort["validation"], device, recipe.get("validationImages", 600)) if is_judged and together.is_first() else float("nan")
        score = together.said_by_first(score, device)
        state["rows"].append([epoch + 1, "field" if field else "patch", f"{np.mean(losses):.5f}", f"{rate:.2e}", f"{score:.4f}", f"{speed:.1f}", f"{time.time() - started:.0f}"])
        report(f"stage 1 epoch {epoch + 1}/{epochs}: loss {np.mean(losses):.4f}, validation image AUC {score:.4f}")
        state["epoch"] += 1
        if recipe["patience"] is not None and score > state["best"]:
            state.update(best=score, bestEpoch=epoch, bestWeights=copy.deepcopy(judged.state_dict()))
        if not together.is_first():
            continue
        torch.save({"encoder": encoder.state_dict(), "deep": step.deep.state_dict(), "average": average and average.state_dict(), "optimizer": step.optimizer.state_dict(),
                    "suspicion": sampler.suspicion, "scaler": step.scaler.state_dict(), "state": state}, checkpoint.with_suffix(".tmp"))
        checkpoint.with_suffix(".tmp").replace(checkpoint)
        write_log(out / "stage1.csv", state["rows"])
    result = average or encoder
    if state["bestWeights"] is not None:
        result.load_state_dict(state["bestWeights"])
    return result.eval()


def write_log(path, rows):
    """Whole, from what the checkpoint holds: a kill between the two neither repeats nor loses an epoch."""
    with path.with_suffix(".csv.tmp").open("w", newline="") as log:
        csv.writer(log).writerows([["epoch", "phase", "loss", "learningRate", "validationImageAuc", "imagesPerSecond", "seconds"], *rows])
    path.with_suffix(".csv.tmp").replace(path)


def is_out_of_patience(recipe, state):
    """Early stopping: that many epochs have brought nothing better. Also true of a run that stopped so and is started again."""
    return recipe["patience"] is not None and state["epoch"] > 0 and state["epoch"] - 1 - state["bestEpoch"] >= recipe["patience"]


def learning_rate(recipe, epoch, part, field):
    if recipe["schedule"] == "step":
        return recipe["learningRate"] * recipe["stepGamma"] ** (epoch // recipe["stepEpochs"])
    if field:
        done = (epoch - recipe["epochs"] + part) / recipe["fieldEpochs"]
        return recipe["fieldLearningRate"] * 0.5 * (1 + math.cos(math.pi * done)) + 1e-6
    done = (epoch + part) / recipe["epochs"]
    warm = recipe["warmupFraction"]
    if done < warm:
        return recipe["learningRate"] * (0.05 + 0.95 * done / warm)
    return recipe["learningRate"] * cosine((done - warm) / (1 - warm))


def cell_loss(logits, target_and_weight, device):
    target, weight = (t.to(device) for t in target_and_weight)
    each = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    # By the weight of all processes' cells, of whose losses the mean is taken afterwards.
    return (each * weight).sum() * together.count() / together.total(weight.sum()).clamp_min(1)


@torch.no_grad()
def follow(average, encoder, decay):
    for a, b in zip(average.state_dict().values(), encoder.state_dict().values()):
        if a.dtype.is_floating_point:
            a.lerp_(b, 1 - decay)
        else:
            a.copy_(b)


def validate(kind, encoder, cases, device, most):
    """Area under the ROC curve over `most` single whole images, or all rows of whole scans, of cases not trained on."""
    return auc(*kind.image_scores(encoder.eval(), cases, device, most))
