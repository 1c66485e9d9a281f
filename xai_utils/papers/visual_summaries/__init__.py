"""Visual summaries: the parts of objects that a network uses again and again, in many images of a class.

Godi, Carletti, Aghaei, Giuliari and Cristani, "Understanding Deep Architectures by Visual Summaries" (BMVC 2018),
section 3.2. Rooms in the order of the paper: `proposals` (regions and boxes), `features` and `proposal_flow` (which box
shows the same in another image), `pruning`, `clustering` and `summaries`.
"""

from xai_utils.papers.visual_summaries.clustering import Clusters, affinity_clusters
from xai_utils.papers.visual_summaries.features import Whitening, fit_whitening, hog, oriented_gradients, whiten
from xai_utils.papers.visual_summaries.masks import (
    MIXED,
    OFFICIAL,
    PAPER,
    STAGES,
    Masks,
    Stages,
    crisp_masks,
    thresholded,
)
from xai_utils.papers.visual_summaries.pipeline import Grouping, summarise, summarise_maps
from xai_utils.papers.visual_summaries.proposal_flow import Matches, correspondences, match_proposals
from xai_utils.papers.visual_summaries.proposals import mask_regions, object_proposals
from xai_utils.papers.visual_summaries.pruning import Candidates, candidates, cover, not_redundant
from xai_utils.papers.visual_summaries.summaries import (
    Summaries,
    Summary,
    likeness,
    select_summaries,
    touched_regions,
)

__all__ = [
    "MIXED",
    "OFFICIAL",
    "PAPER",
    "STAGES",
    "Candidates",
    "Clusters",
    "Grouping",
    "Masks",
    "Matches",
    "Stages",
    "Summaries",
    "Summary",
    "Whitening",
    "affinity_clusters",
    "candidates",
    "correspondences",
    "cover",
    "crisp_masks",
    "fit_whitening",
    "hog",
    "likeness",
    "mask_regions",
    "match_proposals",
    "not_redundant",
    "object_proposals",
    "oriented_gradients",
    "select_summaries",
    "summarise",
    "summarise_maps",
    "thresholded",
    "touched_regions",
    "whiten",
]
