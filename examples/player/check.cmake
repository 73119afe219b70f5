# Runs the program on small inputs, and on the one that it ships with, and checks what it prints.
#   cmake -DPROGRAM=<example_player> -DSCRATCH=<folder> -P check.cmake

# Runs the program with the arguments given, and with `input`, if set, as its standard input.
# Sets code, output and errors.
macro(run)
  set(from_file)
  if(input)
    set(from_file INPUT_FILE "${input}")
  endif()
  execute_process(
    COMMAND "${PROGRAM}" ${ARGN} ${from_file}
    RESULT_VARIABLE code
    OUTPUT_VARIABLE output
    ERROR_VARIABLE errors)
endmacro()

function(expect_code expected)
  if(NOT code STREQUAL expected)
    message(SEND_ERROR "exit code ${code}, not ${expected}\n${output}${errors}")
  endif()
endfunction()

function(expect_in text part)
  string(FIND "${text}" "${part}" position)
  if(position EQUAL -1)
    message(SEND_ERROR "'${part}' is missing in:\n${text}")
  endif()
endfunction()

function(expect_not_in text part)
  string(FIND "${text}" "${part}" position)
  if(NOT position EQUAL -1)
    message(SEND_ERROR "'${part}' should not stand in:\n${text}")
  endif()
endfunction()

# ── A small game, with one bad line of each kind ────────────────────────────────────────────────

set(small "${SCRATCH}/small.txt")
string(REPEAT "9" 300 too_long)
file(WRITE "${small}"
"leon 1
ada 20

leon   2
grace
   \t
grace many
grace -1
grace 99999999999999999999999
grace 1000000001
 7
grace 1 2
grace ${too_long}
grace 1x
ada 0
leon 3\r
last 4")

run("${small}")
expect_code(0)
expect_in("${output}" " rank  player        points
    1  ada               20
    2  leon               6
    3  last               4

30 points in 6 scores, 9 bad lines skipped
3 actors, 6 messages in ")
expect_in("${output}" " messages/s\n")
if(NOT errors STREQUAL
   "line 5: the points are missing
line 7: the points are not a number
line 8: the points are negative
line 9: the points are too many for one line
line 10: the points are too many for one line
line 11: the name is missing
line 12: there are more than two fields
line 13: the line is too long
line 14: the points are not a number\n")
  message(SEND_ERROR "the bad lines are reported as:\n${errors}")
endif()

# ── From the standard input, and all players or the ten best ────────────────────────────────────

set(many "${SCRATCH}/many.txt")
file(WRITE "${many}" "")
foreach(number RANGE 1 25)
  file(APPEND "${many}" "player-${number} ${number}\nbad\n")
endforeach()

set(input "${many}")
run()
expect_code(0)
expect_in("${output}" "   10  player-16            16\n\n")
expect_not_in("${output}" "player-15")
expect_in("${errors}" "line 40: the points are missing\nand 5 more bad lines\n")

run(--all -)
expect_code(0)
expect_in("${output}" "   25  player-1              1\n\n")
unset(input)

file(WRITE "${SCRATCH}/empty.txt" "")
run("${SCRATCH}/empty.txt")
expect_code(0)
expect_in("${output}" "0 points in 0 scores, 0 bad lines skipped\n")

# ── The input that it ships with ────────────────────────────────────────────────────────────────

run("${CMAKE_CURRENT_LIST_DIR}/points.txt")
expect_code(0)
expect_in("${output}" "    1  ada-00          85726\n")
expect_in("${output}" "5035604 points in 99945 scores, 40 bad lines skipped\n200 actors, ")

# ── What goes wrong ─────────────────────────────────────────────────────────────────────────────

run("${SCRATCH}/no-such-file.txt")
expect_code(1)
expect_in("${errors}" "cannot open ${SCRATCH}/no-such-file.txt: No such file or directory")

run("${SCRATCH}")
expect_code(1)
expect_in("${errors}" "cannot read ${SCRATCH}")

run(--best)
expect_code(2)
expect_in("${errors}" "unknown option --best")
expect_in("${errors}" "usage: example_player")

run(one.txt two.txt)
expect_code(2)

run(--help)
expect_code(0)
expect_in("${output}" "usage: example_player")
