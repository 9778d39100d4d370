# asterism_module(NAME [DEPS module... ] [LIBRARIES target...])
#   A module is a folder under src/: one static library asterism_<name>, whose sources are the folder's .cpp files.
#   DEPS are the modules whose headers it may include.
add_library(asterism_build_flags INTERFACE)
target_compile_options(asterism_build_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual
  $<$<BOOL:${ASTERISM_WARNINGS_AS_ERRORS}>:-Werror>)
if(ASTERISM_SANITIZE)
  target_compile_options(asterism_build_flags INTERFACE -fsanitize=${ASTERISM_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(asterism_build_flags INTERFACE -fsanitize=${ASTERISM_SANITIZE})
endif()

function(asterism_module name)
  cmake_parse_arguments(arg "" "" "DEPS;LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/${name}/*.cpp")
  add_library(asterism_${name} STATIC ${sources})
  target_include_directories(asterism_${name} PUBLIC "${CMAKE_SOURCE_DIR}/include" "${CMAKE_SOURCE_DIR}/src" "${CMAKE_BINARY_DIR}/generated")
  list(TRANSFORM arg_DEPS PREPEND asterism_)
  target_link_libraries(asterism_${name} PUBLIC ${arg_DEPS} PRIVATE asterism_build_flags ${arg_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY ASTERISM_MODULES asterism_${name})
endfunction()
