# Runs an example and compares what it prints, lines of the log left out.
#   cmake -DPROGRAM=<example> -DEXPECTED=<file> [-DANY_ORDER=ON] -P check_output.cmake

function(lines_of text result)
  string(REGEX REPLACE "\n$" "" text "${text}")
  string(REPLACE "\n" ";" lines "${text}")
  list(FILTER lines EXCLUDE REGEX "^.[0-9-]+ [0-9:.]+. ")
  if(ANY_ORDER)
    list(SORT lines)
  endif()
  set(${result} "${lines}" PARENT_SCOPE)
endfunction()

execute_process(
  COMMAND "${PROGRAM}"
  RESULT_VARIABLE code
  OUTPUT_VARIABLE output
  ERROR_VARIABLE errors)
if(NOT code STREQUAL 0)
  message(FATAL_ERROR "exit code ${code}\n${output}${errors}")
endif()

file(READ "${EXPECTED}" expected)
lines_of("${output}" printed)
lines_of("${expected}" expected_lines)
if(NOT printed STREQUAL expected_lines)
  message(FATAL_ERROR "it prints:\n${output}instead of:\n${expected}")
endif()
