# What the examples share. Each is part of coerce's build, part of the project in this folder, or a project of its own;
# the latter two use an installed coerce.

if(NOT TARGET coerce::core)
  find_package(coerce CONFIG REQUIRED COMPONENTS core OPTIONAL_COMPONENTS persistence remote)
endif()
enable_testing()

# coerce_example_test(<name> <command>...)
#
# Adds the test example.<name>, which runs the command.
function(coerce_example_test name)
  add_test(NAME example.${name} COMMAND ${ARGN})
  set_tests_properties(example.${name} PROPERTIES LABELS example TIMEOUT 60 SKIP_RETURN_CODE 77)
endfunction()

# coerce_example(<name> [EXPECTED <file> [ANY_ORDER]])
#
# Adds the program example_<name>, with _ for -, from main.cpp. EXPECTED: also its test, which compares what the program
# prints with the file; with ANY_ORDER the lines may come in any order.
function(coerce_example name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "ANY_ORDER" "EXPECTED" "")
  string(REPLACE "-" "_" target "example_${name}")

  add_executable(${target} main.cpp)
  target_compile_features(${target} PRIVATE cxx_std_20)
  target_link_libraries(${target} PRIVATE coerce::core)
  if(COMMAND coerce_set_warnings) # in coerce's build
    coerce_set_warnings(${target})
  endif()

  if(arg_EXPECTED)
    coerce_example_test(
      ${name} "${CMAKE_COMMAND}" "-DPROGRAM=$<TARGET_FILE:${target}>"
      "-DEXPECTED=${CMAKE_CURRENT_SOURCE_DIR}/${arg_EXPECTED}" "-DANY_ORDER=${arg_ANY_ORDER}"
      -P "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/check_output.cmake")
  endif()
endfunction()
