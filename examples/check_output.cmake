# Runs an example and compares what it prints.
#   cmake -DPROGRAM=<example> -DEXPECTED=<file> -P check_output.cmake

execute_process(
  COMMAND "${PROGRAM}"
  RESULT_VARIABLE code
  OUTPUT_VARIABLE output
  ERROR_VARIABLE errors)
file(READ "${EXPECTED}" expected)
if(NOT code STREQUAL 0)
  message(FATAL_ERROR "exit code ${code}\n${output}${errors}")
endif()
if(NOT output STREQUAL expected)
  message(FATAL_ERROR "it prints:\n${output}instead of:\n${expected}")
endif()
