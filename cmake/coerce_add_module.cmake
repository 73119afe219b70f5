# coerce_add_module(<name> [DEPENDS <modules>] [LIBRARIES <public>] [PRIVATE_LIBRARIES <private>]
#                   [WITHOUT <names>])
#
# Adds the static library coerce_<name>, alias coerce::<name>, from src/<name>/**.cpp. Its public headers are
# include/coerce/<name>/ and the umbrella include/coerce/<name>.hpp; private ones are found as "<name>/x.hpp".
# WITHOUT names files (less their extension) and folders of the module that are not part of this build.
function(coerce_add_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPENDS;LIBRARIES;PRIVATE_LIBRARIES;WITHOUT")
  set(target coerce_${name})

  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${name}/*.cpp")
  if(NOT sources)
    message(FATAL_ERROR "module ${name} has no sources in src/${name}")
  endif()
  set(excluded "")
  foreach(part IN LISTS arg_WITHOUT)
    list(FILTER sources EXCLUDE REGEX "/src/${name}/(.*/)?${part}[./]")
    list(APPEND excluded REGEX "/coerce/${name}/(.*/)?${part}[./]" EXCLUDE)
  endforeach()
  set_property(GLOBAL PROPERTY COERCE_${name}_WITHOUT ${arg_WITHOUT})

  add_library(${target} STATIC ${sources})
  add_library(coerce::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  coerce_set_warnings(${target})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(
    ${target}
    PUBLIC "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
           "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>"
    PRIVATE "${PROJECT_SOURCE_DIR}/src")

  list(TRANSFORM arg_DEPENDS PREPEND coerce_)
  target_link_libraries(${target} PUBLIC ${arg_DEPENDS} ${arg_LIBRARIES}
                                  PRIVATE ${arg_PRIVATE_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY COERCE_MODULES ${name})

  if(COERCE_INSTALL)
    install(TARGETS ${target} EXPORT coerceTargets)
    install(
      DIRECTORY "${PROJECT_SOURCE_DIR}/include/coerce/${name}"
      DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/coerce"
      FILES_MATCHING
      PATTERN "*.hpp"
      ${excluded})
    install(FILES "${PROJECT_SOURCE_DIR}/include/coerce/${name}.hpp"
            DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/coerce")
  endif()
endfunction()

# coerce_add_protos(<name>): compiles proto/coerce/<name>/v1/*.proto into the module, for its own sources only, which
# include them as "coerce/<name>/v1/x.pb.h".
function(coerce_add_protos name)
  set(root "${PROJECT_SOURCE_DIR}/proto")
  set(out "${CMAKE_CURRENT_BINARY_DIR}/proto")
  file(GLOB protos CONFIGURE_DEPENDS "${root}/coerce/${name}/v1/*.proto")
  file(MAKE_DIRECTORY "${out}")
  set(generated "")
  foreach(proto IN LISTS protos)
    file(RELATIVE_PATH path "${root}" "${proto}")
    string(REGEX REPLACE "[.]proto$" "" stem "${out}/${path}")
    add_custom_command(
      OUTPUT "${stem}.pb.cc" "${stem}.pb.h"
      COMMAND protobuf::protoc "--cpp_out=${out}" "--proto_path=${root}" "${proto}"
      DEPENDS "${proto}"
      VERBATIM)
    list(APPEND generated "${stem}.pb.cc")
  endforeach()
  # Not held to our warnings.
  set_source_files_properties(${generated} PROPERTIES COMPILE_OPTIONS -w)
  target_sources(coerce_${name} PRIVATE ${generated})
  target_include_directories(coerce_${name} SYSTEM PRIVATE "${out}")
endfunction()

# coerce_add_bundle(<name> <modules...>): coerce::<name> stands for several modules at once.
function(coerce_add_bundle name)
  set(target coerce_${name})
  list(TRANSFORM ARGN PREPEND coerce_ OUTPUT_VARIABLE members)
  add_library(${target} INTERFACE)
  add_library(coerce::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_link_libraries(${target} INTERFACE ${members})
  if(COERCE_INSTALL)
    install(TARGETS ${target} EXPORT coerceTargets)
  endif()
endfunction()

# coerce_add_component(<name> <modules...>): what `find_package(coerce COMPONENTS <name>)` may ask for. Its
# dependencies are listed in coerceConfig.cmake.in. A component of one module of its own name needs no bundle.
function(coerce_add_component name)
  if(NOT TARGET coerce_${name})
    coerce_add_bundle(${name} ${ARGN})
  endif()
  set_property(GLOBAL APPEND PROPERTY COERCE_COMPONENTS ${name})
endfunction()
