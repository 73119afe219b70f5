# cmake -DCXX=<compiler> -DCASE=<file> -DFLAGS=<response file> -P run_case.cmake

file(READ "${CASE}" head LIMIT 2000)

set(ENV{LC_ALL} C) # plain quotes in messages
# Clang stops at 20 errors by itself; a case may have more.
set(all_errors "")
if(CXX MATCHES "clang")
  set(all_errors -ferror-limit=0)
endif()
# Not -fsyntax-only: the case must be instantiated just as in a user's build.
execute_process(
  COMMAND "${CXX}" -std=c++20 -O0 -S -o /dev/null ${all_errors} "@${FLAGS}" "${CASE}"
  RESULT_VARIABLE status
  OUTPUT_VARIABLE output
  ERROR_VARIABLE output)

# Clang prints long texts in template arguments as several.
string(REGEX REPLACE "\", {+\"" "" output "${output}")

# Each refused line must be named by an error, or as its cause, and its sentence be said.
file(READ "${CASE}" source)
string(REGEX REPLACE "[][;]" "_" source "${source}")
string(REPLACE "\n" ";" source "${source}")
get_filename_component(name "${CASE}" NAME)
set(number 0)
set(refused FALSE)
foreach(line IN LISTS source)
  math(EXPR number "${number} + 1")
  if((refused OR line MATCHES "// refused$") AND NOT output MATCHES "/${name}:${number}:")
    message(SEND_ERROR "line ${number} compiles, but must not: ${line}\n${output}")
  endif()
  set(refused FALSE)
  if(line MATCHES "^ *// refused: (.+)$")
    set(refused TRUE)
    string(FIND "${output}" "${CMAKE_MATCH_1}" position)
    if(position EQUAL -1)
      message(SEND_ERROR "not said: ${CMAKE_MATCH_1}\n${output}")
    endif()
  endif()
endforeach()

if(head MATCHES "^// expect-ok")
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "must compile, but:\n${output}")
  endif()
elseif(head MATCHES "^// expect: ([^\n]+)")
  set(expected "${CMAKE_MATCH_1}")
  if(status EQUAL 0)
    message(FATAL_ERROR "compiles, but must fail with: ${expected}")
  elseif(NOT output MATCHES "${expected}")
    message(FATAL_ERROR "fails, but not with: ${expected}\n${output}")
  endif()
else()
  message(FATAL_ERROR "the first line must be '// expect: <regex>' or '// expect-ok'")
endif()
