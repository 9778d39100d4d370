# libtorch: Libtorch_FOUND, Libtorch_VERSION, Libtorch_CUDA and the target Libtorch::libtorch.
#
# Torch_DIR (the folder of TorchConfig.cmake), CMAKE_PREFIX_PATH (the folder with lib/libtorch_cpu.so: an unpacked
# libtorch, or site-packages/torch of a Python environment) and the system are looked at, in this order. TorchConfig.cmake
# itself is not read: it looks for protobuf, CUDA's compiler and more, of which nothing here is used (decision 0120).
set(libtorch_hints)
if(Torch_DIR)
  get_filename_component(libtorch_hints "${Torch_DIR}/../../.." ABSOLUTE)
endif()
find_path(Libtorch_INCLUDE_DIR ATen/ATen.h HINTS ${libtorch_hints} PATH_SUFFIXES include)
find_library(Libtorch_CPU_LIBRARY torch_cpu HINTS ${libtorch_hints} PATH_SUFFIXES lib)
find_library(Libtorch_C10_LIBRARY c10 HINTS ${libtorch_hints} PATH_SUFFIXES lib)
mark_as_advanced(Libtorch_INCLUDE_DIR Libtorch_CPU_LIBRARY Libtorch_C10_LIBRARY)

# Where the version stands changed with 2.9.
set(Libtorch_VERSION)
foreach(header torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
  if(NOT Libtorch_VERSION AND Libtorch_INCLUDE_DIR AND EXISTS "${Libtorch_INCLUDE_DIR}/${header}")
    file(STRINGS "${Libtorch_INCLUDE_DIR}/${header}" libtorch_version_lines REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
    string(REGEX MATCHALL "[0-9]+" libtorch_version_numbers "${libtorch_version_lines}")
    list(JOIN libtorch_version_numbers "." Libtorch_VERSION)
  endif()
endforeach()

# The library of CUDA kernels registers itself when it is loaded; nothing refers to it by name.
set(Libtorch_CUDA OFF)
if(Libtorch_CPU_LIBRARY)
  get_filename_component(libtorch_library_dir "${Libtorch_CPU_LIBRARY}" DIRECTORY)
  if(EXISTS "${libtorch_library_dir}/libtorch_cuda.so")
    set(Libtorch_CUDA ON)
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Libtorch REQUIRED_VARS Libtorch_CPU_LIBRARY Libtorch_C10_LIBRARY Libtorch_INCLUDE_DIR
  VERSION_VAR Libtorch_VERSION)

if(Libtorch_FOUND AND NOT TARGET Libtorch::libtorch)
  add_library(Libtorch::libtorch INTERFACE IMPORTED)
  # PyPI's has an fmt of its own among its headers, which must not hide the one that everything else is built with.
  set(libtorch_fmt)
  if(EXISTS "${Libtorch_INCLUDE_DIR}/fmt/format.h" AND NOT Libtorch_INCLUDE_DIR STREQUAL "/usr/include")
    find_path(libtorch_fmt_include_dir fmt/format.h HINTS "${fmt_DIR}/../../../include" NO_CACHE)
    set(libtorch_fmt "${CMAKE_BINARY_DIR}/generated/fmt_before_libtorch")
    file(MAKE_DIRECTORY "${libtorch_fmt}")
    file(CREATE_LINK "${libtorch_fmt_include_dir}/fmt" "${libtorch_fmt}/fmt" SYMBOLIC)
  endif()
  target_include_directories(Libtorch::libtorch SYSTEM INTERFACE ${libtorch_fmt} "${Libtorch_INCLUDE_DIR}"
    "${Libtorch_INCLUDE_DIR}/torch/csrc/api/include")
  target_link_libraries(Libtorch::libtorch INTERFACE "${Libtorch_CPU_LIBRARY}" "${Libtorch_C10_LIBRARY}")
  if(Libtorch_CUDA)
    target_link_libraries(Libtorch::libtorch INTERFACE "-Wl,--no-as-needed,${libtorch_library_dir}/libtorch_cuda.so,--as-needed")
  endif()
endif()
