# Language, warnings, sanitizers, ccache: the same for every target of the project.
option(SALLYPORT_BENCH "build the benchmarks" OFF)
option(SALLYPORT_FUZZ "build libFuzzer targets (clang only); without it the fuzz bodies run over their corpora as tests" OFF)
set(SALLYPORT_SANITIZE "" CACHE STRING "comma-separated sanitizers, e.g. address,undefined or thread")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# Debug here means "with sanitizers": -O1 keeps those runs short, -g1 keeps the stacks and halves the link.
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1 -fno-omit-frame-pointer")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")

option(SALLYPORT_PCH "precompile the standard headers; a build without it proves that each file includes what it uses" ON)
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Told by the compiler what a file includes, it need not preprocess the file first to know. The sloppiness is what its
  # manual asks for, or nothing that uses a precompiled header is kept.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_DEPEND=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE_PROGRAM})
endif()

add_library(sallyport_options INTERFACE)
target_compile_options(sallyport_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror -pthread)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # clang 14 does not know what g++ 12 accepts for aggregates with designated initialisers and defaulted members.
  target_compile_options(sallyport_options INTERFACE -Wno-missing-field-initializers -Wno-unused-lambda-capture)
else()
  target_compile_options(sallyport_options INTERFACE -Wno-missing-field-initializers)
endif()
target_include_directories(sallyport_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(sallyport_options INTERFACE SALLYPORT_VERSION="${PROJECT_VERSION}")
if(SALLYPORT_SANITIZE)
  add_compile_options(-fsanitize=${SALLYPORT_SANITIZE} -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=${SALLYPORT_SANITIZE})
endif()
if(SALLYPORT_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
