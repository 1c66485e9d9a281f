"""What Did the Network See? Five papers on explaining image classifiers, on one small PyTorch package."""

from xai_utils.activations import as_model, record
from xai_utils.baselines import (
    cam,
    contrastive_mwp,
    deconvolution,
    excitation_backprop,
    grad_cam,
    gradient,
    gradient_times_input,
    guided_backprop,
    integrated_gradients,
    last_spatial_layer,
    lrp,
)
from xai_utils.incremental import incremental_model
from xai_utils.masks import DESTROYING, OFFICIAL, PRINTED, SWAPPED, Objective, iterative_mask, optimise_keep
from xai_utils.metrics import localisation_error, saliency_metric
from xai_utils.models import Classifier, load_model, outputs, predict, target_probability
from xai_utils.papers.cnn_fixations import cnn_fixations, fixation_map, points_to_box, remove_outliers
from xai_utils.papers.image_score import fit_reference, image_score
from xai_utils.papers.prediction_difference import (
    prediction_difference,
    prediction_differences,
    top_pixels,
    weight_of_evidence,
)
from xai_utils.papers.realtime_saliency import (
    MaskingModel,
    load_masking_model,
    realtime_saliency,
    train_masking_model,
)
from xai_utils.papers.visual_summaries import crisp_masks, summarise
from xai_utils.perturb import (
    ConditionalSampler,
    ConstantSampler,
    InpaintingSampler,
    MarginalSampler,
    blurred_baseline,
    draw_baselines,
    remove_evidence,
    window_corners,
)
from xai_utils.tensors import quiet

__version__ = "0.1.0"

__all__ = [
    "DESTROYING",
    "OFFICIAL",
    "PRINTED",
    "SWAPPED",
    "Classifier",
    "ConditionalSampler",
    "ConstantSampler",
    "InpaintingSampler",
    "MarginalSampler",
    "MaskingModel",
    "Objective",
    "as_model",
    "blurred_baseline",
    "cam",
    "cnn_fixations",
    "contrastive_mwp",
    "crisp_masks",
    "deconvolution",
    "draw_baselines",
    "excitation_backprop",
    "fit_reference",
    "fixation_map",
    "grad_cam",
    "gradient",
    "gradient_times_input",
    "guided_backprop",
    "image_score",
    "incremental_model",
    "integrated_gradients",
    "iterative_mask",
    "last_spatial_layer",
    "load_masking_model",
    "load_model",
    "localisation_error",
    "lrp",
    "optimise_keep",
    "outputs",
    "points_to_box",
    "predict",
    "prediction_difference",
    "prediction_differences",
    "quiet",
    "realtime_saliency",
    "record",
    "remove_evidence",
    "remove_outliers",
    "saliency_metric",
    "summarise",
    "target_probability",
    "top_pixels",
    "train_masking_model",
    "weight_of_evidence",
    "window_corners",
]
