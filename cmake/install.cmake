# Installs the CMake package: targets, version, coerceConfig.cmake.

include(CMakePackageConfigHelpers)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/coerce")
get_property(COERCE_COMPONENTS GLOBAL PROPERTY COERCE_COMPONENTS)

configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/coerceConfig.cmake.in" "${PROJECT_BINARY_DIR}/coerceConfig.cmake"
  INSTALL_DESTINATION "${package_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/coerceConfigVersion.cmake" COMPATIBILITY SameMinorVersion)

install(
  EXPORT coerceTargets
  NAMESPACE coerce::
  DESTINATION "${package_dir}")
install(
  FILES "${PROJECT_BINARY_DIR}/coerceConfig.cmake"
        "${PROJECT_BINARY_DIR}/coerceConfigVersion.cmake"
        "${PROJECT_SOURCE_DIR}/cmake/FindAsio.cmake"
        "${PROJECT_SOURCE_DIR}/cmake/FindHiredis.cmake"
  DESTINATION "${package_dir}")
