# The two commands of the README are `make demo` and `make test`; both set up .venv by themselves.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-slow docs lint format clean

.venv/demo: pyproject.toml
	test -d .venv || $(PYTHON) -m venv .venv
	$(BIN)/pip install -q -e . 'scikit-image>=0.24'
	touch $@

.venv/dev: pyproject.toml
	test -d .venv || $(PYTHON) -m venv .venv
	$(BIN)/pip install -q -e '.[dev]'
	touch $@

demo: .venv/demo  ## find the person in a photo, draw her, write the poses
	$(BIN)/python scripts/demo.py

test: .venv/dev  ## everything that must hold: style, types, floors, behaviour
	PATH="$(CURDIR)/$(BIN):$$PATH" scripts/check

test-slow: .venv/dev  ## minutes to an hour: overfitting, long streams
	$(BIN)/python -m pytest -m slow

docs: .venv/dev  ## the documentation as a website, in site/; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

lint: .venv/dev
	PATH="$(CURDIR)/$(BIN):$$PATH" scripts/lint

format: .venv/dev
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
