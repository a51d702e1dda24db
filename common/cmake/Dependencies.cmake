# SPDX-License-Identifier: Apache-2.0
# Every third-party library, all from Debian 12 (common/cmake/packages.txt). Nothing is
# fetched at configure time.
#
# SECCOMPD_STATIC: what ships needs libc alone. Eighteen shared libraries cost each agent 3.5 MiB of
# resident memory and each command a third of its start (measured, tests/bench/agent_figures.py). libc
# itself stays shared: getaddrinfo loads the node's NSS modules, which must be of the same libc.
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  set(_static ON)
else()
  set(_static OFF)
endif()
option(SECCOMPD_STATIC "Link everything but libc into the binary" ${_static})
if(SECCOMPD_STATIC)
  set(Boost_USE_STATIC_LIBS ON)
  set(OPENSSL_USE_STATIC_LIBS ON)
  set(ZLIB_USE_STATIC_LIBS ON)
  # What an earlier run found as a shared library is looked for again.
  foreach(_found OPENSSL_SSL_LIBRARY OPENSSL_CRYPTO_LIBRARY ZLIB_LIBRARY ZLIB_LIBRARY_RELEASE)
    if("${${_found}}" MATCHES "[.]so")
      unset(${_found} CACHE)
    endif()
  endforeach()
endif()

find_package(PkgConfig REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(OpenSSL 3 REQUIRED)
find_package(tl-expected REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CLI11 QUIET)

# Debian has these two as shared libraries only: fmt is compiled in common/base/fmt.cc, as the target
# fmt::fmt, and spdlog where the log is.
find_path(FMT_INCLUDE_DIR fmt/format-inl.h REQUIRED)
find_path(SPDLOG_INCLUDE_DIR spdlog/logger-inl.h REQUIRED)
mark_as_advanced(FMT_INCLUDE_DIR SPDLOG_INCLUDE_DIR)

# seccompd_archive(TARGET NAME [libs...]): the target's libNAME.a, which itself needs the libs.
function(seccompd_archive target name)
  find_library(${name}_ARCHIVE lib${name}.a REQUIRED)
  mark_as_advanced(${name}_ARCHIVE)
  add_library(${target} STATIC IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES
    IMPORTED_LOCATION ${${name}_ARCHIVE} INTERFACE_LINK_LIBRARIES "${ARGN}")
endfunction()
if(SECCOMPD_STATIC)
  seccompd_archive(yaml-cpp yaml-cpp)
  seccompd_archive(PkgConfig::seccomp seccomp)
  seccompd_archive(elf elf ZLIB::ZLIB)
  seccompd_archive(PkgConfig::bpf bpf elf)
else()
  find_package(yaml-cpp REQUIRED)
  pkg_check_modules(seccomp REQUIRED IMPORTED_TARGET libseccomp)
  pkg_check_modules(bpf REQUIRED IMPORTED_TARGET libbpf)
endif()
