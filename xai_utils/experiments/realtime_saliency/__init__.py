"""What Real Time Image Saliency is measured by: `training` of its masking models; one room for each table or figure."""
