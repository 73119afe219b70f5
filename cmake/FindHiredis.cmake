# Finds hiredis by its pkg-config file: the CMake package that Debian ships with it is broken.
# Defines the target hiredis::hiredis.

include(FindPackageHandleStandardArgs)
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(PC_Hiredis QUIET hiredis)
endif()
find_path(Hiredis_INCLUDE_DIR hiredis/hiredis.h HINTS ${PC_Hiredis_INCLUDEDIR})
find_library(Hiredis_LIBRARY hiredis HINTS ${PC_Hiredis_LIBDIR})
mark_as_advanced(Hiredis_INCLUDE_DIR Hiredis_LIBRARY)
find_package_handle_standard_args(
  Hiredis
  REQUIRED_VARS Hiredis_LIBRARY Hiredis_INCLUDE_DIR
  VERSION_VAR PC_Hiredis_VERSION)

if(Hiredis_FOUND AND NOT TARGET hiredis::hiredis)
  add_library(hiredis::hiredis UNKNOWN IMPORTED)
  set_target_properties(
    hiredis::hiredis PROPERTIES IMPORTED_LOCATION "${Hiredis_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES
                                                                       "${Hiredis_INCLUDE_DIR}")
endif()
