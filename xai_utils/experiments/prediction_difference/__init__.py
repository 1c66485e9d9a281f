"""What the paper showed in pictures, counted; and what it could not ask, because nobody knew the truth.

`python -m xai_utils.experiments.prediction_difference` computes and records all tables; a killed run goes on.
"""

from xai_utils.experiments.prediction_difference.boxes import (
    box_region,
    box_separation,
    imagenet_pictures,
    measure_box,
    separation,
    separation_intervals,
)
from xai_utils.experiments.prediction_difference.claims import (
    claim_measures,
    concentration,
    correlation,
    measure_claims,
    sign_agreement,
)
from xai_utils.experiments.prediction_difference.fillings import (
    corner_on,
    energy_distance,
    filled,
    fillings,
    fillings_by_sampler,
    measure_fillings,
)
from xai_utils.experiments.prediction_difference.real import (
    WINDOW,
    read_real_maps,
    real_maps,
    record_real_maps,
)
from xai_utils.experiments.prediction_difference.removal import (
    METHODS,
    agreement,
    maps_by_method,
    measure_parts,
    part_relevance,
    removal_effects,
)
from xai_utils.experiments.prediction_difference.setting import parts_samplers
from xai_utils.experiments.prediction_difference.verdicts import claims_of_the_paper

__all__ = [
    "METHODS",
    "WINDOW",
    "agreement",
    "box_region",
    "box_separation",
    "claim_measures",
    "claims_of_the_paper",
    "concentration",
    "corner_on",
    "correlation",
    "energy_distance",
    "filled",
    "fillings",
    "fillings_by_sampler",
    "imagenet_pictures",
    "maps_by_method",
    "measure_box",
    "measure_claims",
    "measure_fillings",
    "measure_parts",
    "part_relevance",
    "parts_samplers",
    "read_real_maps",
    "real_maps",
    "record_real_maps",
    "removal_effects",
    "separation",
    "separation_intervals",
    "sign_agreement",
]
