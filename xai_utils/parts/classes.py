"""The ten classes: five pairs that differ in one or two telling parts, and the places where they live."""

from .birds import BIRDS
from .cars import CARS
from .dogs import DOGS
from .drawing import Pair
from .instruments import INSTRUMENTS
from .trains import TRAINS

PAIRS: tuple[Pair, ...] = (BIRDS, DOGS, TRAINS, CARS, INSTRUMENTS)
CLASSES: tuple[str, ...] = tuple(name for pair in PAIRS for name in pair.classes)
# Where `bias` puts each class; the two classes of a pair never share their place.
HABITATS = ("meadow", "sky", "room", "snow", "station", "forest", "meadow", "road", "stage", "room")
