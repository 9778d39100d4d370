# What `cmake --install` puts where: the program, one shared library made of all modules, the public headers, the
# package files for find_package(Asterism), and the OpenVINO libraries that run time needs.
include(CMakePackageConfigHelpers)

asterism_all_modules(modules)
list(REMOVE_ITEM modules asterism_cli asterism_openvino asterism_torch asterism_milvus asterism_postgres)
if(NOT TARGET asterism_encoder OR NOT TARGET asterism)
  message(STATUS "No encoder or program in this tree yet: nothing to install")
  return()
endif()

# The backend modules lie in a folder of the libraries; with the pinned wheel, copies of OpenVINO's libraries lie beside
# them, else the modules name the folder of the user's own.
get_target_property(openvino_library openvino::runtime IMPORTED_LOCATION_RELEASE)
if(NOT openvino_library)
  get_target_property(openvino_library openvino::runtime LOCATION)
endif()
get_filename_component(openvino_library_dir "${openvino_library}" DIRECTORY)
cmake_path(IS_PREFIX PROJECT_SOURCE_DIR "${openvino_library_dir}" NORMALIZE openvino_is_pinned)
if(openvino_is_pinned)
  set(module_rpath "$ORIGIN")
  # The runtime, its CPU plugin, the reader of its own format, and the threading libraries these load. The other
  # frontends and the GPU and NPU plugins are not used.
  foreach(pattern libopenvino.so.* libopenvino_intel_cpu_plugin.so libopenvino_ir_frontend.so.* libtbb.so.* libtbbbind_*.so.*
      libtbbmalloc.so.* libhwloc.so.*)
    file(GLOB libraries "${openvino_library_dir}/${pattern}")
    install(FILES ${libraries} DESTINATION "${ASTERISM_BACKEND_DIR}")
  endforeach()
else()
  set(module_rpath "${openvino_library_dir}")
endif()
file(RELATIVE_PATH backend_dir_from_bindir "/${CMAKE_INSTALL_BINDIR}" "/${ASTERISM_BACKEND_DIR}")
file(RELATIVE_PATH backend_dir_from_libdir "/${CMAKE_INSTALL_LIBDIR}" "/${ASTERISM_BACKEND_DIR}")

# Every object of every module, whether another refers to it or not: a user of the library may. Linking the modules as
# well brings the libraries that they use.
add_library(asterism_shared SHARED)
add_library(Asterism::asterism ALIAS asterism_shared)
foreach(module IN LISTS modules)
  target_sources(asterism_shared PRIVATE "$<TARGET_OBJECTS:${module}>")
endforeach()
target_link_libraries(asterism_shared PRIVATE ${modules} asterism_build_flags)
target_include_directories(asterism_shared INTERFACE "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
  "$<BUILD_INTERFACE:${CMAKE_BINARY_DIR}/generated>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
target_compile_features(asterism_shared INTERFACE cxx_std_23)
target_link_options(asterism_shared PRIVATE "LINKER:--version-script=${CMAKE_CURRENT_LIST_DIR}/asterism.map")
set_target_properties(asterism_shared PROPERTIES
  OUTPUT_NAME asterism EXPORT_NAME asterism LINKER_LANGUAGE CXX
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
  LINK_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/asterism.map"
  INSTALL_RPATH "$ORIGIN/${backend_dir_from_libdir}")
set_target_properties(asterism PROPERTIES INSTALL_RPATH "$ORIGIN/${backend_dir_from_bindir}")
set_target_properties(asterism_openvino_module PROPERTIES INSTALL_RPATH "${module_rpath}")
# A libtorch of the system is found by the loader; any other is named by the folder it was found in.
if(TARGET asterism_torch_module)
  get_filename_component(libtorch_library_dir "${Libtorch_CPU_LIBRARY}" DIRECTORY)
  if(NOT libtorch_library_dir IN_LIST CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES)
    set_target_properties(asterism_torch_module PROPERTIES INSTALL_RPATH "${libtorch_library_dir}")
  endif()
  install(TARGETS asterism_torch_module LIBRARY DESTINATION "${ASTERISM_BACKEND_DIR}")
endif()

install(TARGETS asterism_postgres_module LIBRARY DESTINATION "${ASTERISM_BACKEND_DIR}")
if(TARGET asterism_milvus_module)
  install(TARGETS asterism_milvus_module LIBRARY DESTINATION "${ASTERISM_BACKEND_DIR}")
endif()

install(TARGETS asterism RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(TARGETS asterism_openvino_module LIBRARY DESTINATION "${ASTERISM_BACKEND_DIR}")
install(TARGETS asterism_shared EXPORT AsterismTargets LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/asterism" "${CMAKE_BINARY_DIR}/generated/asterism"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.hpp")

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/Asterism")
install(EXPORT AsterismTargets NAMESPACE Asterism:: DESTINATION "${package_dir}")
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/AsterismConfig.cmake.in" "${CMAKE_BINARY_DIR}/AsterismConfig.cmake"
  INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${CMAKE_BINARY_DIR}/AsterismConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/AsterismConfig.cmake" "${CMAKE_BINARY_DIR}/AsterismConfigVersion.cmake"
  DESTINATION "${package_dir}")
