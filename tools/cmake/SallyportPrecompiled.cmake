# Half of the time of a build goes to reading the same headers five hundred times. They are read once here: for libraries
# (-fPIC), daemons (-fPIE) and test programs (-fPIE, with Catch2), with and without gRPC; a precompiled header fits only who
# is compiled alike. With them g++ 12 tells what it wrongly suspects inside std::string (its PR 105651): append, do not add up.
# Without (preset fuzz) each file has to include what it uses.
set(standard_headers <algorithm> <array> <atomic> <charconv> <chrono> <condition_variable> <cstdint> <cstring> <deque>
    <fstream> <functional> <map> <memory> <mutex> <optional> <set> <span> <sstream> <string> <string_view>
    <thread> <unordered_map> <utility> <variant> <vector> <boost/system/result.hpp>)

# sallyport_precompile(TARGET OPTIONS <options> HEADERS <headers>...)
function(sallyport_precompile target)
  cmake_parse_arguments(PRE "" "" "OPTIONS;HEADERS" ${ARGN})
  file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${target}.cpp CONTENT "// has nothing to say\n")
  add_library(${target} OBJECT EXCLUDE_FROM_ALL ${CMAKE_CURRENT_BINARY_DIR}/${target}.cpp)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)  # the options say which kind
  target_link_libraries(${target} PRIVATE sallyport_options Boost::headers)
  target_compile_options(${target} PRIVATE ${PRE_OPTIONS} $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
  target_precompile_headers(${target} PRIVATE ${PRE_HEADERS})
endfunction()

if(SALLYPORT_PCH)
  sallyport_precompile(standard_library OPTIONS -fPIC HEADERS ${standard_headers})
  sallyport_precompile(standard_library_rpc OPTIONS -fPIC HEADERS <grpcpp/grpcpp.h> ${standard_headers})
  sallyport_precompile(standard_daemon_rpc OPTIONS -fPIE HEADERS <grpcpp/grpcpp.h> ${standard_headers})
  if(BUILD_TESTING OR NOT DEFINED BUILD_TESTING)
    sallyport_precompile(standard_test OPTIONS -fPIE -O0 HEADERS <catch2/catch.hpp> ${standard_headers})
    sallyport_precompile(standard_test_rpc OPTIONS -fPIE -O0
                         HEADERS <catch2/catch.hpp> <grpcpp/grpcpp.h> ${standard_headers})
  endif()
endif()

# sallyport_precompiled(TARGET library|daemon|test [LIBRARIES...]): the target reads what fits its libraries; nothing when one of
# them asks for other machine code, as DPDK does.
function(sallyport_precompiled target kind)
  if(NOT SALLYPORT_PCH OR "PkgConfig::DPDK" IN_LIST ARGN)
    return()
  endif()
  set(precompiled standard_${kind})
  if("gRPC::grpc++" IN_LIST ARGN)
    set(precompiled standard_${kind}_rpc)
  endif()
  target_precompile_headers(${target} REUSE_FROM ${precompiled})
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endfunction()
