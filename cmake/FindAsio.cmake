# Finds standalone Asio, which ships no CMake files of its own, and defines asio::asio.
# Installed beside coerceConfig.cmake, so that no absolute path ends up in the exported targets.

include(FindPackageHandleStandardArgs)
find_package(Threads QUIET)
find_path(Asio_INCLUDE_DIR asio.hpp)
mark_as_advanced(Asio_INCLUDE_DIR)

if(Asio_INCLUDE_DIR AND EXISTS "${Asio_INCLUDE_DIR}/asio/version.hpp")
  file(STRINGS "${Asio_INCLUDE_DIR}/asio/version.hpp" Asio_VERSION REGEX "#define ASIO_VERSION ")
  string(REGEX MATCH "[0-9]+" Asio_VERSION "${Asio_VERSION}") # 102201 is 1.22.1
  math(EXPR Asio_major "${Asio_VERSION} / 100000")
  math(EXPR Asio_minor "${Asio_VERSION} / 100 % 1000")
  math(EXPR Asio_patch "${Asio_VERSION} % 100")
  set(Asio_VERSION "${Asio_major}.${Asio_minor}.${Asio_patch}")
endif()

find_package_handle_standard_args(
  Asio
  REQUIRED_VARS Asio_INCLUDE_DIR Threads_FOUND
  VERSION_VAR Asio_VERSION)

if(Asio_FOUND AND NOT TARGET asio::asio)
  add_library(asio::asio INTERFACE IMPORTED)
  target_include_directories(asio::asio INTERFACE "${Asio_INCLUDE_DIR}")
  # With Clang, Asio 1.22 would look for <experimental/coroutine> and leave its coroutines out.
  target_compile_definitions(
    asio::asio INTERFACE ASIO_STANDALONE ASIO_NO_DEPRECATED
                         $<$<CXX_COMPILER_ID:Clang>:ASIO_HAS_CO_AWAIT=1>)
  target_link_libraries(asio::asio INTERFACE Threads::Threads)
endif()
