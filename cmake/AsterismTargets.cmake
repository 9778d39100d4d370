# asterism_module(NAME [DEPS module... ] [LIBRARIES target...])
#   A module is a folder under src/: one static library asterism_<name>, whose sources are the folder's .cpp files
#   (main.cpp apart, which belongs to an executable). DEPS are the modules whose headers it may include.
add_library(asterism_build_flags INTERFACE)
target_compile_options(asterism_build_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual
  # Other compilers warn about the standard library that comes with GCC.
  $<$<AND:$<BOOL:${ASTERISM_WARNINGS_AS_ERRORS}>,$<CXX_COMPILER_ID:GNU>>:-Werror>)
if(ASTERISM_SANITIZE)
  # What is instrumented: all, or the modules named and their tests. The others are then as in any build of that type, so
  # that a compiler cache has them.
  add_library(asterism_sanitize_flags INTERFACE)
  target_compile_options(asterism_sanitize_flags INTERFACE -fsanitize=${ASTERISM_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
    # A sixth of the compiler's time, for what the address sanitizer stops at as well (decision 228).
    -fno-sanitize=null,vptr,object-size
    # What the sanitizers add keeps the compiler from seeing that a value is set.
    -Wno-maybe-uninitialized)
  if(ASTERISM_SANITIZE_MODULES)
    target_compile_options(asterism_sanitize_flags INTERFACE -O1 -g)
  else()
    target_link_libraries(asterism_build_flags INTERFACE asterism_sanitize_flags)
  endif()
  target_link_options(asterism_build_flags INTERFACE -fsanitize=${ASTERISM_SANITIZE}
    # The sanitizers call dlopen() for us. It then looks where they look, and for what we say only with this older tag.
    LINKER:--disable-new-dtags)
endif()

# A compiler cache makes a second build of the same sources take seconds; used where it is installed.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()

include(AsterismPrecompiled)

# Modules that read files of strangers and need no encoder: what a slow machine runs under sanitizers (label parser.files).
set(ASTERISM_FILE_PARSER_MODULES base tensor weights tokenizer dataset image index)

# asterism_sanitize(TARGET MODULE): where only some modules are instrumented, those of that module.
function(asterism_sanitize target module)
  if(ASTERISM_SANITIZE AND module IN_LIST ASTERISM_SANITIZE_MODULES)
    target_link_libraries(${target} PRIVATE asterism_sanitize_flags)
  endif()
endfunction()

configure_file("${CMAKE_CURRENT_LIST_DIR}/version.hpp.in" "${CMAKE_BINARY_DIR}/generated/asterism/version.hpp" @ONLY)

function(asterism_module name)
  cmake_parse_arguments(arg "" "" "DEPS;LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/${name}/*.cpp")
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  if(NOT sources)
    message(STATUS "src/${name} has no sources yet: left out")
    return()
  endif()
  add_library(asterism_${name} STATIC ${sources})
  target_include_directories(asterism_${name} PUBLIC "${CMAKE_SOURCE_DIR}/include" "${CMAKE_SOURCE_DIR}/src" "${CMAKE_BINARY_DIR}/generated")
  list(TRANSFORM arg_DEPS PREPEND asterism_)
  target_link_libraries(asterism_${name} PUBLIC ${arg_DEPS} PRIVATE asterism_build_flags ${arg_LIBRARIES})
  asterism_sanitize(asterism_${name} ${name})
  if(name STREQUAL "cli")
    asterism_precompile(asterism_${name} cli <CLI/CLI.hpp> ${ASTERISM_COMMON_HEADERS})
  elseif(NOT name IN_LIST ASTERISM_PARSED_ALONE)
    asterism_precompile(asterism_${name} modules ${ASTERISM_COMMON_HEADERS})
  endif()
  set_property(GLOBAL APPEND PROPERTY ASTERISM_MODULES asterism_${name})
endfunction()

# Where backend modules lie: in the build tree, and where the program and the library find them after installation.
include(GNUInstallDirs)
set(ASTERISM_BACKEND_DIR "${CMAKE_INSTALL_LIBDIR}/asterism")
set(CMAKE_BUILD_RPATH "${CMAKE_BINARY_DIR}/${ASTERISM_BACKEND_DIR}")

# asterism_backend_module(NAME)
#   Makes libasterism_<name>.so of the module's objects and what they use; src/base/program_module.hpp opens it. Programs
#   that link asterism_<name> hold the backend themselves: tests of its insides do.
function(asterism_backend_module name)
  set(map "${CMAKE_SOURCE_DIR}/cmake/backend_module.map")
  add_library(asterism_${name}_module MODULE "$<TARGET_OBJECTS:asterism_${name}>")
  target_link_libraries(asterism_${name}_module PRIVATE asterism_${name} asterism_build_flags)
  target_link_options(asterism_${name}_module PRIVATE "LINKER:--version-script=${map}")
  set_target_properties(asterism_${name}_module PROPERTIES OUTPUT_NAME asterism_${name} LINKER_LANGUAGE CXX
    LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/${ASTERISM_BACKEND_DIR}" LINK_DEPENDS "${map}")
endfunction()

# asterism_all_modules(VARIABLE): the module libraries declared so far.
function(asterism_all_modules variable)
  get_property(modules GLOBAL PROPERTY ASTERISM_MODULES)
  set(${variable} ${modules} PARENT_SCOPE)
endfunction()
