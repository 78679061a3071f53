"""One scenario twice: through the whole running system, and in the twin, which says what a single run should come to."""
