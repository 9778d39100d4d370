# asterism_files_digest(FOLDER VARIABLE): files_digest() (src/encoder/model_digest.hpp) of a folder of .json and
# .safetensors files, computed while configuring and again when one of them changes.
function(asterism_files_digest folder variable)
  file(GLOB files CONFIGURE_DEPENDS RELATIVE "${folder}" "${folder}/*.json" "${folder}/*.safetensors")
  list(SORT files)
  set(lines "")
  foreach(name IN LISTS files)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${folder}/${name}")
    file(SHA256 "${folder}/${name}" digest)
    string(APPEND lines "${name} ${digest}\n")
  endforeach()
  string(SHA256 digest "${lines}")
  set(${variable} "${digest}" PARENT_SCOPE)
endfunction()
