"""Command line: measures, writes `data/results/benchmark.json`, prints what it found."""

import argparse

from tqdm.auto import tqdm

from xai_utils.experiments.benchmark import SECTIONS, benchmark


def main() -> None:
    """Measures the sections that are named, all by default."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []])
    found = benchmark(parser.parse_args().sections or tuple(SECTIONS), progress=tqdm)
    for row in found["prediction_difference"]["rows"]:
        print(
            f"{row['model']:16} {row['sampler']:15} batch {row['batch_size']:4d}{'*' if row['best'] else ' '} "
            f"{100 * row['share']:5.1f}% of the time is forward passes, {row['milliseconds_per_image']:.3f} ms each"
        )
    for row in found["incremental"]:
        print(
            f"{row['model']:16} patched copies cost {row['reached']:.1f} times less than bare forward passes, "
            f"{100 * row['share']:.0f}% of the bound {row['bound']:.1f}"
        )
    costs = found["cnn_fixations"]
    print(f"{costs['model']}, batch {costs['batch_size']}, {costs['weights']} weights, in forward passes:", end=" ")
    print(", ".join(f"{method} {ratios[0]:.2f} to {ratios[-1]:.2f}" for method, ratios in costs["forwards"].items()))
    for row in found["realtime_saliency"].values():
        print(f"{row['encoder']}, batch {row['batch_size']}, base {row['base']}, in forward passes:", end=" ")
        print(", ".join(f"{method} {ratio:.2f}" for method, ratio in row["forwards"].items()), end="; ")
        print(f"{row['masks_per_second']} masks a second")
    for network, shares in found["visual_summaries"]["in the network"].items():
        print(f"{network}, share of a mask's search: " + ", ".join(f"{s} {share:.1%}" for s, share in shares.items()))
    print(", ".join(f"{stage} {count}" for stage, count in found["visual_summaries"]["one class"].items()))
    costs = found["image_score"]
    print(f"batch {costs['batch_size']}, in forward passes:", end=" ")
    print(
        "; ".join(
            f"{m} scores {of['scores']:.2f}, reference {of['reference']:.2f}" for m, of in costs["forwards"].items()
        )
    )
    costs, grown = found["verdict"], found["verdict_memory"]["megabytes"]
    print(f"{costs['model']}, {costs['pictures']} pictures, forward passes and megabytes:", end=" ")
    print(", ".join(f"{name} {turns:.1f}, {grown[name]:.0f}" for name, turns in costs["forwards"].items()))
    drawn = found["drawing"]
    print(f"{drawn['scenes_per_second']} scenes a second on one core; a scene costs as much as", end=" ")
    print(f"{drawn['forwards_per_scene']} forward passes of {drawn['model']}")


if __name__ == "__main__":
    main()
