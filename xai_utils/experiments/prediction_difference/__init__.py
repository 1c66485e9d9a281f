"""What the paper showed in pictures, counted; and what it could not ask, because nobody knew the truth.

`python -m xai_utils.experiments.prediction_difference` computes and records all tables; a killed run goes on.
"""

from xai_utils.experiments.prediction_difference.claims import claim_measures, measure_claims
from xai_utils.experiments.prediction_difference.fillings import energy_distance, fillings, measure_fillings
from xai_utils.experiments.prediction_difference.real import read_real_maps, record_real_maps
from xai_utils.experiments.prediction_difference.removal import (
    METHODS,
    agreement,
    maps_by_method,
    measure_parts,
    part_relevance,
    removal_effects,
)
from xai_utils.experiments.prediction_difference.setting import classifier, parts_samplers

__all__ = [
    "METHODS",
    "agreement",
    "claim_measures",
    "classifier",
    "energy_distance",
    "fillings",
    "maps_by_method",
    "measure_claims",
    "measure_fillings",
    "measure_parts",
    "part_relevance",
    "parts_samplers",
    "read_real_maps",
    "record_real_maps",
    "removal_effects",
]
