# make demo and make test do all of their own set-up: a virtual environment in .venv, from setup.cfg and constraints.txt.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
OUT ?= out
PIP := $(BIN)/python -m pip --disable-pip-version-check

READERS := $(VENV)-readers

.PHONY: demo test readers test-readers test-transformers check lint types bench docs kenlm-tools clean

# On Python 3.13 setup.cfg leaves kenlm out, for it does not compile there as it is published: build_kenlm.py mends that.
$(VENV)/.installed: setup.cfg pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "corpusmill needs Python 3.11, 3.12 or 3.13 on PATH (or: make PYTHON=/path/to/python)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade pip
	$(PIP) install --quiet --editable '.[model,test,dev]' --constraint constraints.txt
	$(BIN)/python tools/build_kenlm.py module
	@touch $@

# The sample input is damaged on purpose: "done with damaged input" is exit code 4, and any other code fails.
demo: $(VENV)/.installed
	rm -rf $(OUT)/demo
	$(BIN)/corpusmill sample $(OUT)/demo/input
	for source in commoncrawl c4 github wikipedia books arxiv stackexchange; do \
		$(BIN)/corpusmill describe $$source --recipe sample || exit; done
	@echo "$(BIN)/corpusmill run mixtures/sample.yaml --inputs $(OUT)/demo/input --output $(OUT)/demo/corpus"; \
		$(BIN)/corpusmill run mixtures/sample.yaml --inputs $(OUT)/demo/input --output $(OUT)/demo/corpus; \
		code=$$?; test $$code -eq 4 || { echo "expected exit code 4 (done with damaged input), got $$code"; exit 1; }
	@echo "Exit code 4, as it should be: the sample holds damage on purpose, and all else came through."
	$(BIN)/corpusmill why $(OUT)/demo/corpus http://cheap-best-price-online.example/garstang-folding-saw-3-237/ --inputs $(OUT)/demo/input
	$(BIN)/corpusmill score $(OUT)/demo/corpus README.md --cutoffs $(OUT)/demo/corpus/models/commoncrawl/cutoffs.json
	$(BIN)/corpusmill look $(OUT)/demo/corpus --near citation_score=0.25 -n 2
	$(BIN)/corpusmill check $(OUT)/demo/corpus
	$(BIN)/corpusmill train $(OUT)/demo/corpus --steps 200
	@echo "$(OUT)/demo/corpus/report.html shows all of it in a browser."
	@echo "Documents, tokens and shards are in $(OUT)/demo/corpus; \". $(BIN)/activate\" puts corpusmill on the PATH."

test: $(VENV)/.installed lint types
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist worksteal

check: test

# Official readers read what we wrote: see tests/readers. They weigh gigabytes, most of it torch; `make test` needs none.
READ := $(OUT)/readers
READ_SMALL := --set tokenizer.vocab_size=800 --set shards.tokens=200000 --set sources.commoncrawl.cited.min_positives=5 \
	--set 'shards.formats=[raw,olmo,llmc,megatron,datatrove,litdata,mds,parquet,arrayrecord]'
readers: $(foreach name,grain datasets croissant torch streaming,$(READERS)/$(name)/.installed)

test-readers: readers $(VENV)/.installed
	rm -rf $(READ)
	$(BIN)/corpusmill sample $(READ)/input --scale 0.15 >/dev/null
	$(BIN)/corpusmill run sample --inputs $(READ)/input --output $(READ)/whole --allow-damage $(READ_SMALL) >/dev/null
	for way in cross fit; do cp -R $(READ)/whole $(READ)/$$way && $(BIN)/corpusmill run sample --inputs $(READ)/input \
		--output $(READ)/$$way --redo --allow-damage $(READ_SMALL) \
		--set "shards.sequence={length: 256, documents: $$way, equal: true}" >/dev/null || exit; done
	$(BIN)/python tests/readers/expected.py $(READ)
	@echo "read by:"
	@failed=0; for one in grain/grain datasets/datasets datasets/card croissant/croissant torch/megatron torch/datatrove torch/litdata torch/olmo streaming/streaming; do \
		$(READERS)/$${one%/*}/bin/python tests/readers/read_$${one#*/}.py $(READ) || { echo "FAILED: $$one"; failed=1; }; \
	done; \
	$(READERS)/croissant/bin/mlcroissant validate --jsonld $(READ)/whole/croissant.json || { echo "FAILED: mlcroissant validate"; failed=1; }; \
	exit $$failed

# Not compiled: that takes half the time of the installation, and most of it is never imported.
$(READERS)/%/.installed: tests/readers/%.txt
	$(PYTHON) -m venv $(READERS)/$*
	$(READERS)/$*/bin/python -m pip --disable-pip-version-check install --quiet --no-compile --requirement $<
	@touch $@

# The built-in model beside Hugging Face's transformers, which `make test` does not install: it skips these tests then.
test-transformers: $(VENV)/.installed
	$(PIP) install --quiet transformers --constraint constraints.txt
	$(BIN)/python -m pytest tests/llama/test_transformers.py

lint: $(VENV)/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

# mypy does not see an editable install whose package is the root itself: it is shown a link, dotted so that it does not walk into it.
types: $(VENV)/.installed
	@mkdir -p .mypy_root && ln -sfn .. .mypy_root/corpusmill
	MYPYPATH=.mypy_root $(BIN)/mypy --explicit-package-bases -p corpusmill

# The parts of README.md and docs/ that follow from the code. `make test` fails while they are stale.
docs: $(VENV)/.installed
	$(BIN)/python tools/write_docs.py

bench: $(VENV)/.installed
	$(BIN)/python -m corpusmill.benchmarks $(INPUTS)

# The tool that makes KenLM's binary files, which all processes of a run map as one copy (without it they read ARPA
# files), and the library that scores pages in batches (without it the Python module kenlm does, with the same results).
kenlm-tools: $(BIN)/kenlm_scorer.so

$(BIN)/kenlm_scorer.so: tools/build_kenlm.py tools/kenlm_scorer.cc constraints.txt | $(VENV)/.installed
	$(BIN)/python tools/build_kenlm.py tools $(BIN)

clean:
	rm -rf $(VENV) $(READERS) $(OUT) .mypy_root .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
