# SPDX-License-Identifier: Apache-2.0
# One INTERFACE target carries language level, warnings, hardening and
# sanitizers; every target of ours links it PRIVATE. Nothing is set globally.

set(SECCOMPD_SANITIZE "" CACHE STRING "Value of -fsanitize=, empty for none")
option(SECCOMPD_COVERAGE "Count lines and branches with gcov" OFF)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

find_program(SECCOMPD_CCACHE ccache)
if(SECCOMPD_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${SECCOMPD_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${SECCOMPD_CCACHE})
endif()

add_library(project_options INTERFACE)
target_include_directories(project_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_features(project_options INTERFACE cxx_std_20)
target_compile_options(project_options INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion
  -Wcast-align -Wformat=2 -Wimplicit-fallthrough -Wdouble-promotion -Wundef
  $<$<COMPILE_LANGUAGE:CXX>:-Wold-style-cast -Wnon-virtual-dtor
    -Woverloaded-virtual -Wextra-semi>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(project_options INTERFACE
    -Wduplicated-cond -Wduplicated-branches -Wlogical-op
    $<$<COMPILE_LANGUAGE:CXX>:-Wuseless-cast>)
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_options(project_options INTERFACE -ftrivial-auto-var-init=zero)
  endif()
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Release")
  # CMake's Release default is -O3 -DNDEBUG; -O2 is smaller and as fast here.
  set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
  set(CMAKE_C_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
  target_compile_options(project_options INTERFACE
    -fstack-protector-strong -fstack-clash-protection -fPIE
    -ffunction-sections -fdata-sections)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_compile_options(project_options INTERFACE -fcf-protection=full)
  endif()
  target_compile_definitions(project_options INTERFACE
    _FORTIFY_SOURCE=3 _GLIBCXX_ASSERTIONS)
  target_link_options(project_options INTERFACE
    -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code,--as-needed,--gc-sections
    -Wl,--build-id=sha1  # names the build: agent/build_key
    -Wl,-z,pack-relative-relocs)  # 0.6 MiB of relocations in a few KiB; glibc 2.36 has it
else()
  # -O1: sanitized tests run the exhaustive checks too, -O0 is 3x slower.
  set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1 -fno-omit-frame-pointer")
  set(CMAKE_C_FLAGS_DEBUG "-O1 -g1 -fno-omit-frame-pointer")
  target_compile_definitions(project_options INTERFACE _GLIBCXX_ASSERTIONS)
endif()

if(SECCOMPD_SANITIZE)
  target_compile_options(project_options INTERFACE
    -fsanitize=${SECCOMPD_SANITIZE} -fno-sanitize-recover=all)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 sees uninitialised members in every moved tl::expected once the
    # sanitizers' checks are in; release, without them, keeps the warning.
    target_compile_options(project_options INTERFACE -Wno-maybe-uninitialized)
  endif()
  string(REPLACE "fuzzer-no-link," "" _link_sanitize "${SECCOMPD_SANITIZE}")
  target_link_options(project_options INTERFACE -fsanitize=${_link_sanitize})
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    # clang 14 cannot emit its function check for coroutines.
    target_compile_options(project_options INTERFACE -fno-sanitize=function)
  endif()
endif()
if(SECCOMPD_COVERAGE)
  target_compile_options(project_options INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(project_options INTERFACE --coverage)
endif()

# seccompd_library(NAME SOURCES ... [PUBLIC libs] [PRIVATE libs])
# A static library of one folder's pure or I/O half. PRIVATE by default, so the
# link graph is the dependency rule.
function(seccompd_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  add_library(seccompd::${name} ALIAS ${name})
  target_link_libraries(${name} PUBLIC ${ARG_PUBLIC}
    PRIVATE project_options ${ARG_PRIVATE})
endfunction()
