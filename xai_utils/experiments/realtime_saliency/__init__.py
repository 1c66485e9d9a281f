"""What Real Time Image Saliency is measured by: its masking models, trained for three black boxes of Parts."""

from xai_utils.experiments.realtime_saliency.training import BLACK_BOXES, COMMAND, ENCODER, train_for

__all__ = ["BLACK_BOXES", "COMMAND", "ENCODER", "train_for"]
