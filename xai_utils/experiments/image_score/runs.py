"""The runs behind tables 1 to 3 and figure 5: a network trained further on chosen pictures, once per class and arm."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from xai_utils.experiments.cifar.network import NETWORKS, cifar_classifier
from xai_utils.experiments.claims import printed_numbers
from xai_utils.experiments.image_score.pictures import COUNTS, FEW, PARTS, classes_of, split_of
from xai_utils.experiments.records import read_records, record_all
from xai_utils.experiments.semi_supervised import RECIPE, Split, assembled, pretrain, retrain, scores_of
from xai_utils.models import Classifier
from xai_utils.tensors import Progress, quiet

COMMAND = "python -m xai_utils.experiments.image_score"
CHECKPOINTS = Path(".cache") / "image_score"
EPOCHS = {
    PARTS: (80, 10),
    FEW: (2, 2),
    "cifar10-subset": (20, 20),
    "cifar10": (100, 100),
}  # before and during re-training
MOMENTS = 5  # how often the networks of all classes are assembled during re-training


def alpha_of(data: str, network: str, target: int | None) -> float:
    """The share of the pool that is chosen: the paper's for CIFAR-10, 0.3 for Parts; 1 where no class is chosen for."""
    return 1.0 if target is None else 0.3 if data in COUNTS else _alphas()[network][target]


@cache
def _alphas() -> dict[str, list[float]]:
    return printed_numbers("image_score")["training"]["alpha"]


def runs_of(data: str, network: str, seed: int, arms: dict[str, list[int]]) -> list[dict]:
    """What to measure: the arms without a class, then every class of the others.

    Args:
        data: as `split_of` takes it.
        network: a name of `NETWORKS`.
        seed: of the initial weights, the order and, for Parts, the choice of pictures.
        arms: for each arm the classes; an arm of `WHOLE` has none.
    """
    before, after = EPOCHS[data]
    named = {"data": data, "network": network, "seed": seed, "before": before, "after": after}
    return [
        named | {"arm": arm, "target": target, "share": alpha_of(data, network, target)}
        for arm, classes in arms.items()
        for target in (classes or [None])
    ]


def measure_run(
    data: str, network: str, seed: int, before: int, after: int, arm: str, target: int | None, share: float
) -> dict:
    """One network, trained further by one arm.

    Args:
        data: as `split_of` takes it.
        network: a name of `NETWORKS`.
        seed: see `runs_of`.
        before: epochs on the labelled pictures.
        after: epochs with additional ones.
        arm: see `retrain`.
        target: the class, or None.
        share: alpha, see `retrain`.

    Returns:
        For each epoch "chosen", "right", "loss" and "common", see `Round`; "hits" (test pictures of each class that are
        recognised) and "claimed" (those that are taken for it); and once "of_class", the test pictures of each class.
    """
    split, model = split_of(data, seed), pretrained(data, network, seed, before)
    classes, found = (
        len(model.classes),
        {"chosen": [], "right": [], "loss": [], "common": [], "hits": [], "claimed": []},
    )
    claims = torch.full((MOMENTS, len(split.test[1])), -torch.inf)
    recipe = replace(RECIPE, epochs=after, seed=seed + 1)
    rounds = retrain(model, split, arm, target, share=share, recipe=recipe)
    for number, one in enumerate(rounds, start=1):
        found["chosen"].append(one.chosen)
        for name in ("right", "loss", "common"):
            value = getattr(one, name)
            found[name].append(round(value, 4) if value == value else None)
        found["hits"].append(split.test[1][one.predicted == split.test[1]].bincount(minlength=classes).tolist())
        found["claimed"].append(one.predicted.bincount(minlength=classes).tolist())
        if target is not None and number * MOMENTS % after == 0:
            claims[number * MOMENTS // after - 1] = _claims(model, split, one.predicted, target)
    if target is not None:
        torch.save(claims, _claims_file(data, network, seed, arm, target))
    return found | {"of_class": split.test[1].bincount(minlength=classes).tolist()}


def pretrained(data: str, network: str, seed: int, epochs: int, *, progress: Progress = quiet) -> Classifier:
    """A network trained on the labelled pictures only; goes on where an earlier training was interrupted.

    Args:
        data: as `split_of` takes it.
        network: a name of `NETWORKS`.
        seed: of the initial weights, the order and, for Parts, the pictures.
        epochs: how long.
        progress: wraps the batches of each epoch.
    """
    model = cifar_classifier(classes_of(data), len(split_of(data, seed).labelled[1]), NETWORKS[network])
    model.load_state_dict(_trained_state(data, network, seed, epochs, progress))
    return model.eval().to(memory_format=torch.channels_last)


def measure_assembly(data: str, network: str, seed: int, before: int, after: int, arm: str) -> dict:
    """Table 3: the accuracy of the networks of all classes together, at moments of the re-training.

    Args:
        data: as `split_of` takes it.
        network: a name of `NETWORKS`.
        seed: see `runs_of`.
        before: epochs on the labelled pictures.
        after: epochs with additional ones.
        arm: how the pictures of each class were chosen, a name of `SELECTED`; the networks are put together by score in
            any case, so that another arm tells what ten networks do that one does not.

    Returns:
        "epochs", and for each the accuracy "assembled" and that of the "baseline".
    """
    split, classes = split_of(data, seed), range(len(classes_of(data)))
    files = [_claims_file(data, network, seed, arm, target) for target in classes]
    for target, file in enumerate(files):
        if not file.exists():  # recorded by an earlier run, whose scores are gone
            measure_run(data, network, seed, before, after, arm, target, alpha_of(data, network, target))
    claims = torch.stack([torch.load(file, weights_only=True) for file in files])  # [classes, moments, test]
    recipe = replace(RECIPE, epochs=after, seed=seed + 1)
    rounds = list(retrain(pretrained(data, network, seed, before), split, "baseline", recipe=recipe))
    epochs = [after * moment // MOMENTS for moment in range(1, MOMENTS + 1)]
    labels = [rounds[number - 1].predicted for number in epochs]
    together = [assembled(own, list(claims[:, moment])) for moment, own in enumerate(labels)]
    share = [[round((one == split.test[1]).float().mean().item(), 4) for one in found] for found in (together, labels)]
    return {"epochs": epochs, "assembled": share[0], "baseline": share[1]}


def record_runs(
    data: str, network: str, seed: int, arms: dict[str, list[int]], *, progress: Progress = quiet
) -> list[dict]:
    """The runs of one network, recorded or computed now; see `runs_of`."""
    wanted = runs_of(data, network, seed, arms)
    return record_all(records_of(data), wanted, measure_run, command=COMMAND, progress=progress)


def record_assembly(data: str, network: str, seed: int, arm: str = "score") -> dict:
    """Table 3 for one network, recorded or computed now; see `measure_assembly`."""
    before, after = EPOCHS[data]
    wanted = {"data": data, "network": network, "seed": seed, "before": before, "after": after, "arm": arm}
    return record_all(f"assembly_{data}", [wanted], measure_assembly, command=COMMAND)[0]


def records_of(data: str) -> str:
    """The name of the record file of a data set."""
    return f"semi_supervised_{data}"


def recorded_runs(data: str, network: str, arm: str) -> dict[tuple[int, int | None], dict]:
    """What is recorded of an arm for as many epochs as `EPOCHS` says: (seed, class) -> result of `measure_run`."""
    wanted = dict(zip(("before", "after"), EPOCHS[data], strict=True)) | {"network": network, "arm": arm}
    rows = [(row["configuration"], row["result"]) for row in read_records(records_of(data))]
    return {(about["seed"], about["target"]): result for about, result in rows if about == about | wanted}


@cache
def _trained_state(data: str, network: str, seed: int, epochs: int, progress: Progress) -> dict[str, Tensor]:
    labelled = split_of(data, seed).labelled
    torch.manual_seed(seed)
    model = cifar_classifier(classes_of(data), len(labelled[1]), NETWORKS[network]).to(
        memory_format=torch.channels_last
    )
    file = CHECKPOINTS / f"{data}-{network}-{seed}-{epochs}.pt"
    recipe = replace(RECIPE, epochs=epochs, seed=seed)
    for number, loss in pretrain(model, labelled, recipe, checkpoint=file, progress=progress):
        tqdm.write(f"{data}, {network}, seed {seed}: epoch {number}, loss {loss:.3f}")
    model.load_state_dict(torch.load(file, weights_only=True)["model"])
    return model.state_dict()


def _claims(model: Classifier, split: Split, predicted: Tensor, target: int) -> Tensor:
    """The image scores of the test pictures that a network takes for its class, float [test]; else minus infinity."""
    own, claims = predicted == target, torch.full((len(predicted),), -torch.inf)
    shown = split.labelled[0][split.labelled[1] == target]
    claims[own] = scores_of(model, split.test[0][own], shown).float()
    return claims


def _claims_file(data: str, network: str, seed: int, arm: str, target: int) -> Path:
    return CHECKPOINTS / f"claims-{data}-{network}-{seed}-{arm}-{target}.pt"
