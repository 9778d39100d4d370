# Everything the build takes from outside. Debian packages come from tools/setup. OpenVINO: the user's own where
# OpenVINO_DIR or CMAKE_PREFIX_PATH names one, else the pinned wheel in .deps/openvino, else whatever CMake finds.
# libtorch: Debian's, or the user's own (Torch_DIR, CMAKE_PREFIX_PATH); without one everything but training is built.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(CURL REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE)
find_package(PkgConfig REQUIRED)
pkg_check_modules(hwy REQUIRED libhwy)  # headers only: src/kernels/highway_targets.cpp
pkg_check_modules(simdjson REQUIRED IMPORTED_TARGET simdjson)
pkg_check_modules(sqlite3 REQUIRED IMPORTED_TARGET sqlite3>=3.38)  # JSON functions and FTS5 inside
pkg_check_modules(libpq REQUIRED libpq)  # headers only: src/postgres/libpq_library.cpp
find_package(ZLIB REQUIRED)
pkg_check_modules(libzip REQUIRED IMPORTED_TARGET libzip)
pkg_check_modules(libjpeg REQUIRED IMPORTED_TARGET libjpeg)
pkg_check_modules(libpng REQUIRED IMPORTED_TARGET libpng)
pkg_check_modules(libwebp REQUIRED IMPORTED_TARGET libwebp)
find_package(TIFF 4.5 REQUIRED)
pkg_check_modules(zlib REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
find_package(Boost 1.80 REQUIRED)  # headers: asio with as_tuple, Beast

set(openvino_components COMPONENTS Runtime Threading)
find_package(OpenVINO QUIET ${openvino_components} NO_SYSTEM_ENVIRONMENT_PATH NO_CMAKE_PACKAGE_REGISTRY NO_CMAKE_SYSTEM_PATH
  NO_CMAKE_SYSTEM_PACKAGE_REGISTRY)
if(NOT OpenVINO_FOUND)
  find_package(OpenVINO QUIET ${openvino_components} PATHS "${PROJECT_SOURCE_DIR}/.deps/openvino/cmake" NO_DEFAULT_PATH)
endif()
if(NOT OpenVINO_FOUND)
  find_package(OpenVINO QUIET ${openvino_components})
endif()
if(NOT OpenVINO_FOUND)
  message(FATAL_ERROR "OpenVINO: expected in .deps/openvino, found none there nor elsewhere. "
    "Run tools/setup/setup.sh to fetch the pinned one, or name your own with -DOpenVINO_DIR=<folder of OpenVINOConfig.cmake>.")
endif()
message(STATUS "OpenVINO ${OpenVINO_VERSION} in ${OpenVINO_DIR}")

# USearch: headers alone. The user's own where -DUSEARCH_DIR names it, else the pinned one in .deps/usearch.
set(USEARCH_DIR "" CACHE PATH "Folder of USearch's sources, with include/usearch/index.hpp")
set(USEARCH_VERSION_MIN 2.25)
set(usearch_folder "${PROJECT_SOURCE_DIR}/.deps/usearch")
if(USEARCH_DIR)
  set(usearch_folder "${USEARCH_DIR}")
endif()
set(USearch_INCLUDE_DIR "${usearch_folder}/include")
if(NOT EXISTS "${USearch_INCLUDE_DIR}/usearch/index.hpp")
  message(FATAL_ERROR "USearch: expected ${USearch_INCLUDE_DIR}/usearch/index.hpp, found none. "
    "Run tools/setup/setup.sh to fetch the pinned one, or name your own with -DUSEARCH_DIR=<folder with include/usearch>.")
endif()
file(STRINGS "${USearch_INCLUDE_DIR}/usearch/index.hpp" usearch_version REGEX "^#define USEARCH_VERSION_(MAJOR|MINOR|PATCH) [0-9]+$")
list(TRANSFORM usearch_version REPLACE "^.* " "")
list(JOIN usearch_version "." usearch_version)
if(usearch_version VERSION_LESS USEARCH_VERSION_MIN)
  message(FATAL_ERROR "USearch: expected version ${USEARCH_VERSION_MIN} or newer, found ${usearch_version} in ${usearch_folder}. "
    "Run tools/setup/setup.sh to fetch the pinned one, or name a newer one with -DUSEARCH_DIR=<folder with include/usearch>.")
endif()
message(STATUS "USearch ${usearch_version} in ${usearch_folder}")

option(ASTERISM_BUILD_TORCH "Build the torch backend, which trains, where libtorch is found" ON)
if(ASTERISM_BUILD_TORCH)
  find_package(Libtorch 1.13 QUIET)
  # What torch's own threads are: its headers run parallel loops on one thread without it.
  find_package(OpenMP QUIET COMPONENTS CXX)
endif()
if(Libtorch_FOUND AND OpenMP_CXX_FOUND)
  message(STATUS "libtorch ${Libtorch_VERSION} in ${Libtorch_CPU_LIBRARY}")
else()
  message(STATUS "libtorch: none found, so the program is built without training. On Debian install libtorch-dev and "
    "libopenblas0-pthread; elsewhere name one with -DTorch_DIR=<folder of TorchConfig.cmake>")
endif()

option(ASTERISM_BUILD_MILVUS "Build collections in Milvus, where gRPC is found" ON)
if(ASTERISM_BUILD_MILVUS)
  pkg_check_modules(grpc QUIET IMPORTED_TARGET grpc++ protobuf-lite)
  find_program(PROTOC_PROGRAM protoc)
  find_program(GRPC_CPP_PLUGIN_PROGRAM grpc_cpp_plugin)
endif()
if(grpc_FOUND AND PROTOC_PROGRAM AND GRPC_CPP_PLUGIN_PROGRAM)
  set(Milvus_FOUND TRUE)
  message(STATUS "gRPC ${grpc_grpc++_VERSION}, protobuf ${grpc_protobuf-lite_VERSION}")
else()
  message(STATUS "gRPC: none found, so the program is built without collections in Milvus. On Debian install "
    "libgrpc++-dev, libprotobuf-dev, protobuf-compiler and protobuf-compiler-grpc")
endif()
