# Installs the build into a folder, moves that folder, then builds and runs a program outside the tree against it.
cmake_minimum_required(VERSION 3.25)

function(run)
  cmake_parse_arguments(arg "" "EXPECT" "COMMAND" ${ARGN})
  # No LD_LIBRARY_PATH or the like: what is installed must find its own libraries.
  execute_process(COMMAND "${CMAKE_COMMAND}" -E env --unset=LD_LIBRARY_PATH ${arg_COMMAND}
    RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  list(JOIN arg_COMMAND " " command)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${command}\nexpected exit 0, found ${status}:\n${output}")
  endif()
  if(arg_EXPECT AND NOT output MATCHES "${arg_EXPECT}")
    message(FATAL_ERROR "${command}\nexpected output like '${arg_EXPECT}', found:\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE "${WORK_DIR}")
run(COMMAND "${CMAKE_COMMAND}" --install "${BUILD_DIR}" --prefix "${WORK_DIR}/installed")
file(RENAME "${WORK_DIR}/installed" "${WORK_DIR}/moved")

file(COPY "${SOURCE_DIR}/tests/package/consumer" "${SOURCE_DIR}/examples/cpp/embed_texts.cpp" DESTINATION "${WORK_DIR}")
run(COMMAND "${CMAKE_COMMAND}" -S "${WORK_DIR}/consumer" -B "${WORK_DIR}/consumer-build" "-DCMAKE_PREFIX_PATH=${WORK_DIR}/moved"
  "-DCMAKE_CXX_COMPILER=${CXX_COMPILER}" -DCMAKE_BUILD_TYPE=Release)
run(COMMAND "${CMAKE_COMMAND}" --build "${WORK_DIR}/consumer-build")
run(COMMAND "${WORK_DIR}/consumer-build/consumer" EXPECT "3 texts, [0-9]+ dimensions each")
# A transformer needs the backend's module and OpenVINO, which library and program open when they come to it.
set(transformer "${SOURCE_DIR}/tests/golden/sentence_transformers/old_mean_normalize")
run(COMMAND "${WORK_DIR}/consumer-build/consumer" "${transformer}" EXPECT "3 texts, [0-9]+ dimensions each")
run(COMMAND "${WORK_DIR}/moved/bin/asterism" --version EXPECT "${VERSION}")
run(COMMAND "${WORK_DIR}/moved/bin/asterism" similarity "a text" "another" -m "${transformer}")
run(COMMAND "${WORK_DIR}/moved/bin/asterism" doctor EXPECT "OpenVINO +[0-9]+[.][0-9]+")
