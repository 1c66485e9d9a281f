# What Did the Network See?  Two commands are enough: `make book` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV = $(shell command -v uv || echo $(BIN)/uv)

export PYTHONUTF8 := 1
export PYTHONUNBUFFERED := 1
# Two workers with one thread each share two cores fairly; tests marked `real` need $XAI_DATA.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadscope
UNREAL := $(if $(XAI_DATA),,-m "not real")

.DEFAULT_GOAL := help
.PHONY: help env book test notebooks lab bench train record clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

env: $(READY) ## create .venv and install the pinned packages and xai_utils

# uv comes from the PATH or, when it is not there, from PyPI into .venv itself. It installs in a fraction of pip's time,
# and the next environment takes the packages from its cache.
$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed; name one with: make PYTHON=python3.12 book"; exit 1; }
	@if command -v uv > /dev/null; then test -x $(BIN)/python || uv venv --python $(PYTHON) $(VENV); \
	elif test ! -x $(BIN)/uv; then echo "== fetching uv from PyPI into $(VENV)"; \
	  { $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet uv; } || \
	  { echo "Neither uv nor the venv module is here; install one (Debian, Ubuntu: apt install python3-venv)"; exit 1; }; fi
	@echo "== installing the pinned packages into $(VENV) (about 5 GB on Linux; the first time is a download)"
	$(UV) pip install --python $(BIN)/python -r requirements.txt
	$(UV) pip install --python $(BIN)/python --no-deps -e .
	@touch $@

book: $(READY) ## run every chapter and build _build/html, clean, warnings as errors
	rm -rf _build
	XAI_BOOK=1 $(BIN)/jupyter-book build . -W --keep-going  # XAI_BOOK: controls draw all their settings
	$(BIN)/python tests/check_pages.py _build/html
	@echo "== the book is ready: _build/html/index.html"

test: $(READY) ## lint, import floors, unit tests, contracts, doctests, notebooks
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(PYTEST) $(UNREAL) --durations 5
	$(PYTEST) --nbval-lax notebooks

notebooks: $(READY) ## run the notebooks and store the text that the tests compare
	$(BIN)/python -m tests.refresh_notebooks notebooks/*.ipynb

lab: $(READY) ## open JupyterLab in notebooks/
	$(BIN)/jupyter lab --ServerApp.tornado_settings='{"websocket_max_message_size": 60000000}' notebooks  # for uploads

bench: $(READY) ## measure speed and memory, write data/results/benchmark.json
	$(BIN)/python -m xai_utils.experiments.benchmark

FIXATIONS = cnn_fixations.captions cnn_fixations.sketches cnn_fixations.proposals

train: $(READY) ## train the networks of the book again (a working day on two cores), write data/weights
	$(BIN)/python -m xai_utils.experiments.classifiers
	for room in $(FIXATIONS); do $(BIN)/python -m xai_utils.experiments.$$room --train || exit 1; done
	$(BIN)/python -m xai_utils.experiments.realtime_saliency --train

MASKS = regions artifacts introduced polar_bear interventions
SUMMARIES = masks found truth tags shuffled neighbours counts orientation specialising ranking superpixels
SCORES = quality background intervals tolerance chains object_detection
SEEDS = 0 1 2 3 4
VERDICT = truth measures stability biased adjacent
TABLES = shortcuts prediction_difference cnn_fixations $(FIXATIONS) \
	cnn_fixations.saliency cnn_fixations.mistakes cnn_fixations.adversaries cnn_fixations.hits \
	realtime_saliency $(MASKS:%=realtime_saliency.%) "realtime_saliency.video --record" \
	$(SUMMARIES:%=visual_summaries.%) $(SCORES:%=image_score.%) \
	"image_score.errors --only-parts" "image_score.outside --no-data" "image_score --seeds $(SEEDS)" $(VERDICT:%=verdict.%)

record: $(READY) ## compute all tables in data/results that are missing (a day)
	for table in $(TABLES); do $(BIN)/python -m xai_utils.experiments.$$table || exit 1; done

clean: ## remove the built book, the environment and all caches
	rm -rf _build $(VENV) .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find book notebooks tests xai_utils -name __pycache__ -o -name .ipynb_checkpoints | xargs rm -rf
