"""A clay head made by code, and the film in which it speaks: what ``python -m demo`` makes."""
