// Each instruction set has a file, and so an object, of its own; setup.py has its flags.
#include "kernel.cpp"
