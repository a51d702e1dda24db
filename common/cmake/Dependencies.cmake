# SPDX-License-Identifier: Apache-2.0
# Every third-party library, all from Debian 12 (common/cmake/packages.txt). Nothing is
# fetched at configure time.
find_package(PkgConfig REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(OpenSSL 3 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(tl-expected REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CLI11 QUIET)
pkg_check_modules(seccomp REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(bpf REQUIRED IMPORTED_TARGET libbpf)
