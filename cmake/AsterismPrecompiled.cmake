# Standard headers, parsed once and not in each of a thousand sources: a build from nothing takes about a quarter less
# (decision 228). Not with a compiler cache, which would have to be told to trust what lies outside its view; those builds
# also show which source lacks an include of its own.
if(CMAKE_CXX_COMPILER_LAUNCHER OR ASTERISM_SANITIZE_MODULES OR NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(precompile_default OFF)
else()
  set(precompile_default ON)
endif()
option(ASTERISM_PRECOMPILE_HEADERS "Parse common headers once; off where a compiler cache is used" ${precompile_default})
if(ASTERISM_PRECOMPILE_HEADERS)
  # GCC 12 forgets of what it parsed before that it is a system header, and warns of the standard library's own copies.
  target_compile_options(asterism_build_flags INTERFACE -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict)
endif()

# What at least a hundred sources include, with what they pull in.
set(ASTERISM_COMMON_HEADERS <fmt/format.h> <algorithm> <array> <cmath> <cstdint> <filesystem> <functional> <limits> <map> <memory>
  <mutex> <optional> <span> <string> <string_view> <utility> <vector>)

# Their flags are not those of the rest, or their sources include themselves once for each processor.
set(ASTERISM_PARSED_ALONE kernels torch milvus builtin)

# asterism_precompile(TARGET GROUP HEADER...): the first target of a group makes what the others of it use, so all must
# be compiled with the same options.
function(asterism_precompile target group)
  if(NOT ASTERISM_PRECOMPILE_HEADERS)
    return()
  endif()
  get_property(owner GLOBAL PROPERTY ASTERISM_PRECOMPILED_${group})
  if(owner)
    target_precompile_headers(${target} REUSE_FROM ${owner})
  else()
    target_precompile_headers(${target} PRIVATE ${ARGN})
    set_property(GLOBAL PROPERTY ASTERISM_PRECOMPILED_${group} ${target})
  endif()
endfunction()
