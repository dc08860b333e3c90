"""Trains Odontoid's two networks on phantoms and exports them as a model package; see training/README.md."""
