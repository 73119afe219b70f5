# What every target of this build shares: supported compilers, ccache, the default build type, warnings.

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12)
  message(FATAL_ERROR "coerce needs GCC 12 or newer, this is ${CMAKE_CXX_COMPILER_VERSION}")
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 16)
  # Clang 14 keeps thread_local addresses across a co_await, which resumes on another thread.
  message(FATAL_ERROR "coerce needs Clang 16 or newer, this is ${CMAKE_CXX_COMPILER_VERSION}")
endif()

if(PROJECT_IS_TOP_LEVEL)
  get_property(multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
  if(NOT multi_config AND NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
  endif()

  if(NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
    find_program(COERCE_CCACHE ccache)
    mark_as_advanced(COERCE_CCACHE)
    if(COERCE_CCACHE)
      # Without this sloppiness ccache passes over every file that is compiled with a precompiled header. With the
      # base directory another clone finds what this one has compiled.
      set(CMAKE_CXX_COMPILER_LAUNCHER
          "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros
          "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1 "${COERCE_CCACHE}")
    endif()
  endif()
endif()

# coerce_set_warnings(<target>): the language and the warnings that all code of this repository meets.
function(coerce_set_warnings target)
  set_target_properties(
    ${target} PROPERTIES CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
  target_compile_options(
    ${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                      $<$<BOOL:${COERCE_WERROR}>:-Werror>)
endfunction()
