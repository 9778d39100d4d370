# The atlas page: web/ built by Vite into one HTML file, which the program holds. Sets ASTERISM_HAS_ATLAS_PAGE, and
# ASTERISM_ATLAS_PAGE to that file. Without Node and the packages (tools/setup/web.sh) the program has no page and says so.
set(ASTERISM_ATLAS_PAGE "${CMAKE_BINARY_DIR}/generated/atlas_page.html")
set(web_folder "${CMAKE_SOURCE_DIR}/web")
set(web_node "${CMAKE_SOURCE_DIR}/.deps/web/bin/node")
option(ASTERISM_BUILD_ATLAS_PAGE "Build the atlas page where Node and its packages are there" ON)

if(ASTERISM_BUILD_ATLAS_PAGE AND EXISTS "${web_node}" AND EXISTS "${web_folder}/node_modules/vite/bin/vite.js")
  file(GLOB_RECURSE web_sources CONFIGURE_DEPENDS "${web_folder}/src/*")
  add_custom_command(OUTPUT "${ASTERISM_ATLAS_PAGE}"
    COMMAND "${web_node}" node_modules/vite/bin/vite.js build --logLevel warn --outDir "${CMAKE_BINARY_DIR}/atlas_page"
    COMMAND "${web_node}" tools/check_weight.mjs "${CMAKE_BINARY_DIR}/atlas_page/index.html" "${ASTERISM_ATLAS_PAGE}"
    DEPENDS ${web_sources} "${web_folder}/index.html" "${web_folder}/vite.config.ts" "${web_folder}/package-lock.json"
      "${web_folder}/tools/check_weight.mjs"
    WORKING_DIRECTORY "${web_folder}" COMMENT "Building the atlas page" VERBATIM)
  set(ASTERISM_HAS_ATLAS_PAGE ON)
else()
  message(STATUS "The atlas page is left out: no Node or packages in .deps/web (tools/setup/web.sh fetches them)")
  set(ASTERISM_HAS_ATLAS_PAGE OFF)
endif()
