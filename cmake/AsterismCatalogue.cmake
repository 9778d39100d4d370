# Puts catalog/models.toml into asterism_hub, so that the program needs no file beside it.
set(catalogue_file "${PROJECT_SOURCE_DIR}/catalog/models.toml")
set(catalogue_source "${PROJECT_BINARY_DIR}/generated/hub/catalogue_data.cpp")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${catalogue_file}")
file(READ "${catalogue_file}" ASTERISM_CATALOGUE_TEXT)
configure_file("${PROJECT_SOURCE_DIR}/src/hub/catalogue_data.cpp.in" "${catalogue_source}" @ONLY)
target_sources(asterism_hub PRIVATE "${catalogue_source}")
