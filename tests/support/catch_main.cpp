// The one place where Catch2's main is compiled: it costs seconds, so every test program links it.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
