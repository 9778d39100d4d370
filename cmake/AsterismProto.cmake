# asterism_proto_library(TARGET FOLDER PREFIX)
#   A static library of the .proto files in FOLDER, messages and gRPC stubs. Their headers are <PREFIX/NAME.pb.h>. What is
#   generated is compiled without our warnings, and is in the build tree, where formatting and rules do not look.
function(asterism_proto_library target folder prefix)
  set(output "${CMAKE_BINARY_DIR}/generated_proto/${prefix}")
  file(MAKE_DIRECTORY "${output}")
  file(GLOB protos CONFIGURE_DEPENDS "${folder}/*.proto")
  set(sources)
  foreach(proto IN LISTS protos)
    get_filename_component(name "${proto}" NAME_WE)
    list(APPEND sources "${output}/${name}.pb.cc" "${output}/${name}.grpc.pb.cc")
    list(APPEND headers "${output}/${name}.pb.h" "${output}/${name}.grpc.pb.h")
  endforeach()
  add_custom_command(OUTPUT ${sources} ${headers}
    COMMAND "${PROTOC_PROGRAM}" "--proto_path=${folder}" "--cpp_out=${output}" "--grpc_out=${output}"
      "--plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN_PROGRAM}" ${protos}
    DEPENDS ${protos} VERBATIM)
  add_library(${target} STATIC ${sources})
  target_compile_definitions(${target} PUBLIC GRPC_USE_PROTO_LITE)
  target_include_directories(${target} SYSTEM PUBLIC "${CMAKE_BINARY_DIR}/generated_proto" "${output}")
  target_link_libraries(${target} PUBLIC PkgConfig::grpc)
endfunction()
