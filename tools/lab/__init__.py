"""A laboratory on one machine: network namespaces, a development CA, daemons with their files, captures, scrapes.
Shared by the quickstart, the system tests and the benchmarks. Standard library only."""
