# Every third-party library, found once. Order matters: gRPC's config first, it brings protobuf's targets;
# protobuf's own CONFIG mode is broken on Debian 12, so its module comes second.
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(Boost 1.81 CONFIG REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(Protobuf REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(yaml-cpp CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(EXPAT 2.4 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(DPDK REQUIRED IMPORTED_TARGET libdpdk)
if(SALLYPORT_SANITIZE MATCHES thread)
  # On x86 the rings of DPDK order memory by compiler barriers, which ThreadSanitizer cannot see: the same with atomics.
  set_property(TARGET PkgConfig::DPDK APPEND PROPERTY INTERFACE_COMPILE_DEFINITIONS RTE_USE_C11_MEM_MODEL)
endif()
pkg_check_modules(SRTP2 REQUIRED IMPORTED_TARGET libsrtp2)
pkg_check_modules(UNBOUND REQUIRED IMPORTED_TARGET libunbound)
# The multi-buffer crypto library has neither a CMake package nor a pkg-config file on Debian 12.
find_path(IPSEC_MB_INCLUDE_DIR intel-ipsec-mb.h REQUIRED)
find_library(IPSEC_MB_LIBRARY IPSec_MB REQUIRED)
add_library(IPSecMB::IPSecMB UNKNOWN IMPORTED)
set_target_properties(IPSecMB::IPSecMB PROPERTIES IMPORTED_LOCATION ${IPSEC_MB_LIBRARY}
                      INTERFACE_INCLUDE_DIRECTORIES ${IPSEC_MB_INCLUDE_DIR})

# The heap of the signaling daemon: glibc's takes twice the instructions, a tenth of what the SIP thread does in a call.
# Sanitizers have heaps of their own. Nothing of it is called by name, so the linker must be told to keep it.
add_library(sallyport_heap INTERFACE)
if(NOT SALLYPORT_SANITIZE)
  pkg_check_modules(TCMALLOC REQUIRED libtcmalloc_minimal)
  target_link_libraries(sallyport_heap INTERFACE -Wl,--push-state,--no-as-needed ${TCMALLOC_LINK_LIBRARIES} -Wl,--pop-state)
  target_compile_definitions(sallyport_heap INTERFACE SALLYPORT_TCMALLOC)
endif()
