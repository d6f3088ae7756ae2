# Each target does its own set-up: a virtual environment with everything pinned, made once and again when a pin changes.
PYTHON ?= python3
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
# Blender's Python decides: 3.11 for Blender 4.2 to 5.0, 3.13 from 5.1 on.
BLENDER := $(if $(filter 3.13,$(VERSION)),5.2,5.0)
VENV := .venv
RUN := $(VENV)/bin/python

.PHONY: demo test check older search window test-training test-dask extension try release lock clean

demo: $(VENV)/ready
	$(RUN) -m demo

test: check $(VENV)/ready
	$(RUN) -m pytest
ifeq ($(BLENDER),5.0)
test: older
endif

check: $(VENV)/ready
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

# The same extension inside an older Blender.
older: .venv-4.5/ready
	.venv-4.5/bin/python -m pytest tests/blender

$(VENV)/ready: requirements/blender-$(BLENDER).txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 13)) and "Blender needs Python 3.11 or 3.13: make PYTHON=python3.11 $(MAKECMDGOALS)" or 0)'
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --disable-pip-version-check --quiet --require-hashes -r $<
	touch $@

# The properties again on many examples that nobody has tried yet; the tests themselves take the same ones each time.
search: $(VENV)/ready
	A2F_EXAMPLES=search $(RUN) -m pytest tests/speech tests/face tests/files tests/batch

# A newcomer's story in a real Blender window, with pictures: make window, or make window CHROOT=FOLDER SUITE=trixie where this machine has no Blender.
SUITE ?= sid
window: $(VENV)/ready
	$(if $(CHROOT),sh tests/window/chroot.sh $(SUITE) $(CHROOT))
	$(RUN) tests/window/run.py $(if $(CHROOT),--chroot $(CHROOT))

.venv-4.5/ready: requirements/blender-4.5.txt
	$(PYTHON) -m venv .venv-4.5
	.venv-4.5/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes -r $<
	touch $@

# The training pipeline's own tests, which need torch.
test-training: .venv-training/ready
	.venv-training/bin/python -m pytest tests/training tests/benchmarks

.venv-training/ready: training/requirements.txt
	$(PYTHON) -m venv .venv-training
	.venv-training/bin/python -m pip install --disable-pip-version-check --quiet -r $< pytest==9.2.0 pytest-timeout==2.4.0 hypothesis==6.170.15
	touch $@

# The batch on a Dask cluster of two local workers, one of which is killed.
test-dask: .venv-dask/ready
	.venv-dask/bin/python -m pytest tests/batch/test_cluster.py

.venv-dask/ready: requirements/dask.txt
	$(PYTHON) -m venv .venv-dask
	.venv-dask/bin/python -m pip install --disable-pip-version-check --quiet -r $<
	touch $@

# Needs uv. Pins change here and nowhere else.
lock:
	for v in 4.5 5.0; do uv pip compile -q --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate requirements/blender-$$v.in -o requirements/blender-$$v.txt; done
	uv pip compile -q --python-version 3.13 --generate-hashes --no-header --no-emit-index-url --no-annotate requirements/blender-5.2.in -o requirements/blender-5.2.txt

clean:
	rm -rf .venv .venv-4.5 .venv-training .venv-dask demo/out dist

# dist/*.zip, one a platform, for Preferences > Get Extensions > Install from Disk.
extension: $(VENV)/ready
	$(RUN) wheels/build.py build

# The Linux zip in a Blender that knows nothing else; BLENDER_PATH=/path/to/blender for an installed one, else the bpy wheel.
try: $(VENV)/ready
	$(RUN) wheels/build.py build --platform linux-x64
	$(RUN) tests/install/trial.py --zip dist/a2f-*-linux_x64.zip $(if $(BLENDER_PATH),--blender $(BLENDER_PATH))

# Every check, the zips and their sums; says what keeps it.
release: $(VENV)/ready
	$(RUN) release.py
